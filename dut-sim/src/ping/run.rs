//! A ping under way.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::transcript::Transcript;
use super::{Ping, PingReport, Screen};
use crate::network::{EchoOutcome, EchoRequest, Network};

/// The time from one request to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// A ping under way: requests go out on time, whether or not earlier ones were answered.
pub(super) struct Run<'a> {
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
    pub(super) fn new(
        ping: &'a Ping,
        network: &'a Arc<dyn Network>,
        destination: Ipv4Addr,
    ) -> Self {
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

    /// The error is the only line of a ping that could not send anything.
    pub(super) async fn run(
        mut self,
        stop: &Notify,
        screen: Screen<'_>,
    ) -> Result<PingReport, String> {
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

    /// The next answer; requests that fall due before it are sent.
    async fn next(&mut self, stop: &Notify) -> Option<(u16, EchoOutcome)> {
        loop {
            let due = self.last_sent + INTERVAL;
            let more = self.transcript.sent() < self.ping.count;
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

/// As iputils fills it: each byte is its own place, cut to eight bits.
fn payload(size: u16) -> Vec<u8> {
    (0..size).map(|place| place.to_le_bytes()[0]).collect()
}
