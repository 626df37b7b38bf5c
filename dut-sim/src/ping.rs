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
mod tests;
