//! The ping: echo requests a second apart, and their outcomes in the wording of iputils.

mod transcript;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use self::transcript::Transcript;
use crate::network::{EchoOutcome, EchoRequest, Network, ResolveError};
use crate::operational::PING_OPTIONS;

/// The time from one request to the next.
const INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_COUNT: u16 = 5;
const DEFAULT_SIZE: u16 = 56;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum payload of an IPv4 packet without its headers.
const MAX_SIZE: u16 = 65_507;
const MAX_TIMEOUT_SECONDS: f64 = 3600.0;

/// Host and options of a ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ping {
    /// Name or address, as typed.
    pub(crate) host: String,
    pub(crate) count: u16,
    /// Bytes of payload in each request.
    pub(crate) size: u16,
    /// Time limit for each answer.
    pub(crate) timeout: Duration,
}

/// Output of a ping, and whether there was any answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PingReport {
    pub(crate) text: String,
    pub(crate) answered: bool,
}

/// Callback that shows lines as they are printed.
pub(crate) type Screen<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Why the arguments are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionError {
    #[error("ping: unknown option `{option}`; known are {}", option_names().join(", "))]
    Unknown { option: String },
    #[error("ping: missing argument for {0} option")]
    Missing(&'static str),
    #[error("ping: invalid argument: '{value}': out of range: {range}")]
    Invalid { value: String, range: &'static str },
    #[error("ping: no host")]
    NoHost,
}

impl Ping {
    /// Parses `HOST [count N] [size N] [timeout SECONDS]`; options may be abbreviated.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, OptionError> {
        let (host, options) = arguments.split_first().ok_or(OptionError::NoHost)?;
        let mut ping = Self {
            host: host.clone(),
            count: DEFAULT_COUNT,
            size: DEFAULT_SIZE,
            timeout: DEFAULT_TIMEOUT,
        };
        for option in options.chunks(2) {
            ping.set(&option[0], option.get(1))?;
        }
        Ok(ping)
    }

    fn set(&mut self, name: &str, value: Option<&String>) -> Result<(), OptionError> {
        let option =
            option_names().into_iter().find(|option| !name.is_empty() && option.starts_with(name));
        let option = option.ok_or_else(|| OptionError::Unknown { option: name.to_owned() })?;
        let value = value.ok_or(OptionError::Missing(option))?;
        match option {
            "count" => self.count = number(value, 1, u16::MAX, "1 to 65535")?,
            "size" => self.size = number(value, 0, MAX_SIZE, "0 to 65507")?,
            _ => self.timeout = seconds(value)?,
        }
        Ok(())
    }

    /// Sends the requests through `network` until each is answered or has timed out, or until `stop` is notified.
    ///
    /// `screen` gets every line of the report as soon as it is complete.
    pub(crate) async fn run(
        &self,
        network: &Arc<dyn Network>,
        stop: &Notify,
        screen: Screen<'_>,
    ) -> PingReport {
        let report = match network.resolve(&self.host).await {
            Ok(destination) => Run::new(self, network, destination).run(stop, screen).await,
            Err(error) => Err(unresolved(&error)),
        };
        report.unwrap_or_else(|text| {
            screen(&text);
            PingReport { text, answered: false }
        })
    }
}

fn unresolved(error: &ResolveError) -> String {
    match error {
        ResolveError::Unknown { host } => format!("ping: {host}: Name or service not known"),
        ResolveError::Other { host, .. } => {
            format!("ping: {host}: Temporary failure in name resolution")
        }
    }
}

/// A running ping: requests are sent on time, even if earlier ones are not answered yet.
struct Run<'a> {
    ping: &'a Ping,
    network: &'a Arc<dyn Network>,
    destination: Ipv4Addr,
    identifier: u16,
    waiting: JoinSet<(u16, EchoOutcome)>,
    transcript: Transcript,
    started: Instant,
    last_sent: Instant,
}

impl<'a> Run<'a> {
    fn new(ping: &'a Ping, network: &'a Arc<dyn Network>, destination: Ipv4Addr) -> Self {
        let mut identifier = [0; 2];
        // Without randomness pings share an identifier; their sequence numbers still differ.
        let _ = openssl::rand::rand_bytes(&mut identifier);
        let now = Instant::now();
        Self {
            ping,
            network,
            destination,
            identifier: u16::from_be_bytes(identifier),
            waiting: JoinSet::new(),
            transcript: Transcript::new(&ping.host, destination, ping.size),
            started: now,
            last_sent: now,
        }
    }

    /// Runs the ping; the error is the only line of a ping that could not send anything.
    async fn run(mut self, stop: &Notify, screen: Screen<'_>) -> Result<PingReport, String> {
        self.send();
        while let Some((sequence, outcome)) = self.next(stop).await {
            match &outcome {
                EchoOutcome::NoRoute if sequence == 1 => {
                    return Err("ping: connect: Network is unreachable".to_owned());
                }
                EchoOutcome::Failed { reason } if sequence == 1 => {
                    return Err(format!("ping: {reason}"));
                }
                _ => {}
            }
            self.transcript.answer(sequence, &outcome);
            self.transcript.show(screen);
        }
        self.transcript.finish(self.last_sent - self.started);
        self.transcript.show(screen);
        Ok(self.transcript.report())
    }

    /// Waits for the next outcome, and sends the requests that are due before it.
    async fn next(&mut self, stop: &Notify) -> Option<(u16, EchoOutcome)> {
        loop {
            let due = self.last_sent + INTERVAL;
            let more = self.transcript.sent < self.ping.count;
            tokio::select! {
                biased;
                Some(answer) = self.waiting.join_next() => {
                    return Some(answer.unwrap_or((0, EchoOutcome::TimedOut)));
                }
                () = sleep_until(due), if more => self.send(),
                () = stop.notified(), if more || !self.waiting.is_empty() => return None,
                else => return None,
            }
        }
    }

    fn send(&mut self) {
        self.last_sent = Instant::now();
        let request = EchoRequest {
            destination: self.destination,
            identifier: self.identifier,
            sequence: self.transcript.send(),
            payload: payload(self.ping.size),
            timeout: self.ping.timeout,
        };
        let network = Arc::clone(self.network);
        self.waiting.spawn(async move {
            let outcome = timeout(request.timeout, network.echo(&request)).await;
            (request.sequence, outcome.unwrap_or(EchoOutcome::TimedOut))
        });
    }
}

/// The payload of iputils: each byte is its own position, truncated to eight bits.
fn payload(size: u16) -> Vec<u8> {
    (0..size).map(|place| place.to_le_bytes()[0]).collect()
}

fn option_names() -> Vec<&'static str> {
    PING_OPTIONS.iter().map(|(name, _)| *name).collect()
}

fn number(value: &str, min: u16, max: u16, range: &'static str) -> Result<u16, OptionError> {
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| OptionError::Invalid { value: value.to_owned(), range })
}

/// Parses a duration; fractions are allowed, as in iputils.
fn seconds(value: &str) -> Result<Duration, OptionError> {
    let seconds =
        value.parse().ok().filter(|seconds| (0.001..=MAX_TIMEOUT_SECONDS).contains(seconds));
    let range = "0.001 to 3600";
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| OptionError::Invalid { value: value.to_owned(), range })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::network::{
        Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Stream, UnreachableCode,
    };

    /// Answers each request with the next outcome, after its time.
    struct Scripted(Mutex<Vec<EchoOutcome>>);

    #[async_trait]
    impl Network for Scripted {
        async fn apply(&self, _: &Addressing) -> Result<(), ApplyError> {
            Ok(())
        }

        async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
            match host {
                "gateway" => Ok(GATEWAY),
                _ => host.parse().map_err(|_| ResolveError::Unknown { host: host.to_owned() }),
            }
        }

        async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
            let outcome = self.0.lock().unwrap().remove(0);
            match &outcome {
                EchoOutcome::Reply { round_trip, .. } => tokio::time::sleep(*round_trip).await,
                EchoOutcome::TimedOut => tokio::time::sleep(request.timeout * 2).await,
                _ => {}
            }
            outcome
        }

        async fn connect(&self, _: Ipv4Addr, _: u16) -> Result<Box<dyn Stream>, ConnectError> {
            Err(ConnectError::Refused)
        }
    }

    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 215, 168, 1);

    fn reply(micros: u64) -> EchoOutcome {
        EchoOutcome::Reply {
            from: GATEWAY,
            ttl: 64,
            payload: vec![0; 56],
            round_trip: Duration::from_micros(micros),
        }
    }

    async fn ping(host: &str, outcomes: &[EchoOutcome]) -> PingReport {
        let network: Arc<dyn Network> = Arc::new(Scripted(Mutex::new(outcomes.to_vec())));
        let count = outcomes.len().max(1).try_into().unwrap();
        let ping = Ping { host: host.into(), count, size: 56, timeout: Duration::from_secs(1) };
        let mut shown = Vec::new();
        let screen = &mut |line: &str| shown.push(line.to_owned());
        let report = ping.run(&network, &Notify::new(), screen).await;
        assert_eq!(shown.join("\n"), report.text);
        report
    }

    #[tokio::test(start_paused = true)]
    async fn output_for_one_answer_is_the_documented_one() {
        let report = ping("10.215.168.1", &[reply(147)]).await;
        assert!(report.answered);
        assert_eq!(
            report.text,
            "PING 10.215.168.1 (10.215.168.1) 56(84) bytes of data.\n\
             64 bytes from 10.215.168.1: icmp_seq=1 ttl=64 time=0.147 ms\n\
             \n\
             --- 10.215.168.1 ping statistics ---\n\
             1 packets transmitted, 1 received, 0% packet loss, time 0ms\n\
             rtt min/avg/max/mdev = 0.147/0.147/0.147/0.000 ms"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_sent_a_second_apart() {
        let report = ping("gateway", &[reply(100), EchoOutcome::TimedOut, reply(300)]).await;
        assert_eq!(
            report.text,
            "PING gateway (10.215.168.1) 56(84) bytes of data.\n\
             64 bytes from gateway (10.215.168.1): icmp_seq=1 ttl=64 time=0.100 ms\n\
             64 bytes from gateway (10.215.168.1): icmp_seq=3 ttl=64 time=0.300 ms\n\
             \n\
             --- gateway ping statistics ---\n\
             3 packets transmitted, 2 received, 33.3333% packet loss, time 2000ms\n\
             rtt min/avg/max/mdev = 0.100/0.200/0.300/0.100 ms"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn missing_answer_counts_as_loss() {
        let report = ping("10.215.168.9", &[EchoOutcome::TimedOut]).await;
        assert!(!report.answered);
        assert_eq!(
            report.text,
            "PING 10.215.168.9 (10.215.168.9) 56(84) bytes of data.\n\
             \n\
             --- 10.215.168.9 ping statistics ---\n\
             1 packets transmitted, 0 received, 100% packet loss, time 0ms\n"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn icmp_errors_are_counted() {
        let unreachable = EchoOutcome::Unreachable { from: GATEWAY, code: UnreachableCode::HOST };
        let report = ping("192.168.213.9", &[unreachable]).await;
        assert_eq!(
            report.text,
            "PING 192.168.213.9 (192.168.213.9) 56(84) bytes of data.\n\
             From 10.215.168.1 icmp_seq=1 Destination Host Unreachable\n\
             \n\
             --- 192.168.213.9 ping statistics ---\n\
             1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn stopped_ping_prints_its_statistics() {
        let outcomes = vec![reply(100), reply(100), reply(100)];
        let network: Arc<dyn Network> = Arc::new(Scripted(Mutex::new(outcomes)));
        let timeout = Duration::from_secs(1);
        let ping = Ping { host: "10.215.168.1".into(), count: 100, size: 56, timeout };
        let stop = Notify::new();
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(2500)).await;
            stop.notify_waiters();
        };
        let screen = &mut |_: &str| {};
        let (report, ()) = tokio::join!(ping.run(&network, &stop, screen), stopping);
        assert!(
            report.text.contains("3 packets transmitted, 3 received, 0% packet loss, time 2000ms")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn ping_that_cannot_send_prints_one_line() {
        let report = ping("nosuch", &[]).await;
        assert_eq!(report.text, "ping: nosuch: Name or service not known");
        let report = ping("172.16.0.1", &[EchoOutcome::NoRoute]).await;
        assert_eq!(report.text, "ping: connect: Network is unreachable");
        assert!(!report.answered);
    }

    fn parse(line: &str) -> Result<Ping, OptionError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Ping::parse(&words)
    }

    #[test]
    fn options_are_accepted_in_any_order() {
        let ping = parse("10.0.0.1 timeout 0.5 si 1400 count 3").unwrap();
        let timeout = Duration::from_millis(500);
        assert_eq!(ping, Ping { host: "10.0.0.1".into(), count: 3, size: 1400, timeout });
        assert_eq!(parse("h").unwrap().count, DEFAULT_COUNT);
    }

    #[test]
    fn invalid_options_are_refused_as_by_ping() {
        let refusal = |line: &str| parse(line).unwrap_err().to_string();
        assert_eq!(refusal("h count"), "ping: missing argument for count option");
        assert_eq!(refusal("h count 0"), "ping: invalid argument: '0': out of range: 1 to 65535");
        assert_eq!(
            refusal("h size 65508"),
            "ping: invalid argument: '65508': out of range: 0 to 65507"
        );
        assert!(refusal("h timeout -1").contains("0.001 to 3600"));
        assert!(refusal("h timeout nan").contains("0.001 to 3600"));
        assert_eq!(
            refusal("h ttl 3"),
            "ping: unknown option `ttl`; known are count, size, timeout"
        );
    }
}
