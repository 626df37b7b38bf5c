//! The ping: echo requests a second apart, and what came of them in iputils' words.

pub(crate) mod options;
mod statistics;
mod transcript;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use self::transcript::Transcript;
use crate::network::{EchoOutcome, EchoRequest, Network, ResolveError};

/// The time from one request to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is to be pinged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ping {
    /// A name or an address, as typed.
    pub(crate) host: String,
    pub(crate) count: u16,
    /// Bytes of payload in each request.
    pub(crate) size: u16,
    /// How long each answer is waited for.
    pub(crate) timeout: Duration,
}

/// What the ping printed, and whether anything answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PingReport {
    pub(crate) text: String,
    pub(crate) answered: bool,
}

impl Ping {
    /// Sends the requests through `network` and waits until each is answered or given up.
    pub(crate) async fn run(&self, network: &Arc<dyn Network>) -> PingReport {
        let destination = match network.resolve(&self.host).await {
            Ok(destination) => destination,
            Err(error) => return PingReport { text: unresolved(&error), answered: false },
        };
        let mut run = Run::new(self, network, destination);
        run.send();
        while let Some((sequence, outcome)) = run.next().await {
            if sequence == 1 && outcome == EchoOutcome::NoRoute {
                let text = "ping: connect: Network is unreachable".to_owned();
                return PingReport { text, answered: false };
            }
            run.transcript.answer(sequence, &outcome);
        }
        run.transcript.finish(run.last_sent - run.started)
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

/// A ping under way: requests go out on time, whether or not earlier ones were answered.
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
        // Without randomness pings share an identifier: they are still told apart by their sequence.
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

    /// The next answer; requests that fall due before it are sent.
    async fn next(&mut self) -> Option<(u16, EchoOutcome)> {
        loop {
            let due = self.last_sent + INTERVAL;
            let more = self.transcript.sent() < self.ping.count;
            tokio::select! {
                biased;
                Some(answer) = self.waiting.join_next() => {
                    return Some(answer.unwrap_or((0, EchoOutcome::TimedOut)));
                }
                () = sleep_until(due), if more => self.send(),
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

/// As iputils fills it: each byte is its own place, cut to eight bits.
fn payload(size: u16) -> Vec<u8> {
    (0..size).map(|place| place.to_le_bytes()[0]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::network::{Addressing, ApplyError, ConnectError, Stream, UnreachableCode};

    /// Answers each request with the next outcome, after the time it says.
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
        ping.run(&network).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_reads_as_documented() {
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
    async fn requests_go_out_a_second_apart() {
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
    async fn silence_is_loss() {
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
    async fn errors_are_counted() {
        let unreachable = EchoOutcome::Unreachable { from: GATEWAY, code: UnreachableCode::Host };
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
    async fn what_cannot_be_sent_is_one_line() {
        let report = ping("nosuch", &[]).await;
        assert_eq!(report.text, "ping: nosuch: Name or service not known");
        let report = ping("172.16.0.1", &[EchoOutcome::NoRoute]).await;
        assert_eq!(report.text, "ping: connect: Network is unreachable");
        assert!(!report.answered);
    }
}
