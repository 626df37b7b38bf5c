//! Output of a ping, line by line.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{PingReport, Screen};
use crate::network::EchoOutcome;

/// Length of the ICMP header (RFC 792).
const ICMP_HEADER: usize = 8;
/// Length of the ICMP and IPv4 headers.
const HEADERS: u32 = 28;
/// Minimum payload for measuring times, because iputils stores the time of sending in the payload.
const TIMED_SIZE: u16 = 16;

/// Sum from which on iputils subtracts in another order, to avoid an overflow.
const LARGE_SUM: u128 = i32::MAX as u128;

/// The lines of a ping, and the numbers for its statistics.
pub(super) struct Transcript {
    host: String,
    destination: Ipv4Addr,
    timed: bool,
    pub(super) sent: u16,
    received: u16,
    errors: u16,
    /// Maximum number of requests that were unanswered at once.
    pipe: u16,
    round_trips: RoundTrips,
    lines: Vec<String>,
    /// Number of lines already shown.
    shown: usize,
}

impl Transcript {
    pub(super) fn new(host: &str, destination: Ipv4Addr, size: u16) -> Self {
        let whole = u32::from(size) + HEADERS;
        let header = format!("PING {host} ({destination}) {size}({whole}) bytes of data.");
        Self {
            host: host.to_owned(),
            destination,
            timed: size >= TIMED_SIZE,
            sent: 0,
            received: 0,
            errors: 0,
            pipe: 0,
            round_trips: RoundTrips::default(),
            lines: vec![header],
            shown: 0,
        }
    }

    /// Counts a request that is sent; returns its sequence number.
    pub(super) fn send(&mut self) -> u16 {
        self.sent += 1;
        self.sent
    }

    /// Records the outcome of the request with that sequence number.
    pub(super) fn answer(&mut self, sequence: u16, outcome: &EchoOutcome) {
        match outcome {
            EchoOutcome::Reply { from, ttl, payload, round_trip } => {
                self.acknowledge(sequence);
                self.received += 1;
                let bytes = payload.len() + ICMP_HEADER;
                let time = self.time(*round_trip);
                let from = self.named(*from);
                self.lines.push(format!(
                    "{bytes} bytes from {from}: icmp_seq={sequence} ttl={ttl}{time}"
                ));
            }
            EchoOutcome::Unreachable { from, code } => {
                self.error(sequence, *from, &code.to_string());
            }
            EchoOutcome::TtlExceeded { from } => {
                self.error(sequence, *from, "Time to live exceeded");
            }
            EchoOutcome::NoRoute => {
                self.lines.push("ping: sendmsg: Network is unreachable".to_owned());
            }
            EchoOutcome::Failed { reason } => self.lines.push(format!("ping: {reason}")),
            EchoOutcome::TimedOut => {}
        }
    }

    /// Adds the statistics; `time` is the time from the first request to the last.
    pub(super) fn finish(&mut self, time: Duration) {
        let loss = percent(self.sent - self.received, self.sent);
        let errors =
            if self.errors > 0 { format!(", +{} errors", self.errors) } else { String::new() };
        let rounded = (time + Duration::from_micros(500)).as_millis();
        self.lines.push(String::new());
        self.lines.push(format!("--- {} ping statistics ---", self.host));
        self.lines.push(format!(
            "{} packets transmitted, {} received{errors}, {loss}% packet loss, time {rounded}ms",
            self.sent, self.received
        ));
        let round_trips = if self.timed { self.round_trips.to_string() } else { String::new() };
        let pipe = if self.pipe > 1 { format!("pipe {}", self.pipe) } else { String::new() };
        let separator = if round_trips.is_empty() || pipe.is_empty() { "" } else { ", " };
        self.lines.push(format!("{round_trips}{separator}{pipe}"));
    }

    /// Shows the new lines.
    pub(super) fn show(&mut self, screen: Screen<'_>) {
        self.lines[self.shown..].iter().for_each(|line| screen(line));
        self.shown = self.lines.len();
    }

    pub(super) fn report(&self) -> PingReport {
        PingReport { text: self.lines.join("\n"), answered: self.received > 0 }
    }

    fn error(&mut self, sequence: u16, from: Ipv4Addr, words: &str) {
        self.acknowledge(sequence);
        self.errors += 1;
        let from = self.named(from);
        self.lines.push(format!("From {from} icmp_seq={sequence} {words}"));
    }

    fn acknowledge(&mut self, sequence: u16) {
        let under_way = self.sent.saturating_sub(sequence).saturating_add(1);
        self.pipe = self.pipe.max(under_way);
    }

    fn time(&mut self, round_trip: Duration) -> String {
        if !self.timed {
            return String::new();
        }
        let micros = self.round_trips.add(round_trip);
        format!(" time={} ms", milliseconds(micros))
    }

    /// The sender as shown: the pinged host by its name, others by address.
    fn named(&self, from: Ipv4Addr) -> String {
        let by_name = self.host.parse::<Ipv4Addr>().is_err();
        if by_name && from == self.destination {
            format!("{} ({from})", self.host)
        } else {
            from.to_string()
        }
    }
}

/// Formats milliseconds as iputils does: 0.123, 1.23, 12.3, 123.
fn milliseconds(micros: u64) -> String {
    match micros {
        99_950.. => format!("{}", (micros + 500) / 1000),
        9_995.. => format!("{}.{}", (micros + 50) / 1000, (micros + 50) % 1000 / 100),
        1_000.. => format!("{}.{:02}", (micros + 5) / 1000, (micros + 5) % 1000 / 10),
        _ => format!("0.{micros:03}"),
    }
}

/// Formats a percentage as C's `%g`: six significant digits, without trailing zeros.
fn percent(part: u16, whole: u16) -> String {
    let percent = f64::from(part) * 100.0 / f64::from(whole.max(1));
    let decimals = match percent {
        10.0.. => 4,
        1.0.. => 5,
        0.1.. => 6,
        0.01.. => 7,
        _ => 8,
    };
    let text = format!("{percent:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Minimum, average, maximum and mean deviation of round trips, in the integer arithmetic of iputils.
#[derive(Debug, Default)]
struct RoundTrips {
    /// Round trips in microseconds.
    micros: Vec<u64>,
}

impl RoundTrips {
    /// Adds a round trip; returns it in microseconds.
    fn add(&mut self, round_trip: Duration) -> u64 {
        let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        self.micros.push(micros);
        micros
    }

    fn sum(&self) -> u128 {
        self.micros.iter().copied().map(u128::from).sum()
    }

    fn deviation(&self) -> u128 {
        let count = self.micros.len() as u128;
        let sum = self.sum();
        let squares: u128 = self.micros.iter().map(|each| u128::from(*each).pow(2)).sum();
        let variance = if sum < LARGE_SUM {
            (squares - sum * sum / count) / count
        } else {
            (squares / count).saturating_sub((sum / count).pow(2))
        };
        variance.isqrt()
    }
}

impl fmt::Display for RoundTrips {
    /// The line of the statistics; empty without any reply.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(min), Some(max)) = (self.micros.iter().min(), self.micros.iter().max()) else {
            return Ok(());
        };
        let average = self.sum() / self.micros.len() as u128;
        let [min, average, max, deviation] =
            [u128::from(*min), average, u128::from(*max), self.deviation()]
                .map(|micros| format!("{}.{:03}", micros / 1000, micros % 1000));
        write!(f, "rtt min/avg/max/mdev = {min}/{average}/{max}/{deviation} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(mut transcript: Transcript, time: Duration) -> String {
        transcript.finish(time);
        transcript.report().text
    }

    #[test]
    fn numbers_are_formatted_as_by_iputils() {
        let shown = [0, 147, 999, 1_234, 9_994, 9_995, 12_345, 99_949, 99_950, 123_456];
        let expected =
            ["0.000", "0.147", "0.999", "1.23", "9.99", "10.0", "12.3", "99.9", "100", "123"];
        assert_eq!(shown.map(milliseconds), expected);
        let losses = [(0, 1), (1, 1), (1, 2), (1, 3), (2, 3), (1, 300), (1, 65_535)];
        let expected = ["0", "100", "50", "33.3333", "66.6667", "0.333333", "0.0015259"];
        assert_eq!(losses.map(|(part, whole)| percent(part, whole)), expected);
    }

    #[test]
    fn small_payload_has_no_round_trip_time() {
        let from = Ipv4Addr::LOCALHOST;
        let mut transcript = Transcript::new("127.0.0.1", from, 8);
        let sequence = transcript.send();
        let round_trip = Duration::from_millis(1);
        transcript.answer(
            sequence,
            &EchoOutcome::Reply { from, ttl: 64, payload: vec![0; 8], round_trip },
        );
        assert_eq!(
            finished(transcript, Duration::ZERO),
            "PING 127.0.0.1 (127.0.0.1) 8(36) bytes of data.\n\
             16 bytes from 127.0.0.1: icmp_seq=1 ttl=64\n\
             \n\
             --- 127.0.0.1 ping statistics ---\n\
             1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"
        );
    }

    #[test]
    fn maximum_number_of_requests_is_counted() {
        let from = Ipv4Addr::LOCALHOST;
        let mut transcript = Transcript::new("127.0.0.1", from, 8);
        for _ in 0..u16::MAX {
            transcript.send();
        }
        for sequence in [1, u16::MAX] {
            transcript.answer(sequence, &EchoOutcome::TtlExceeded { from });
        }
        let text = finished(transcript, Duration::ZERO);
        assert!(text.contains("65535 packets transmitted, 0 received, +2 errors"), "{text}");
        assert!(text.ends_with("\npipe 65535"), "{text}");
    }

    #[test]
    fn late_errors_print_the_pipe() {
        let from = Ipv4Addr::new(10, 0, 0, 1);
        let mut transcript = Transcript::new("10.0.0.9", Ipv4Addr::new(10, 0, 0, 9), 56);
        transcript.send();
        transcript.send();
        for sequence in [1, 2] {
            transcript.answer(sequence, &EchoOutcome::TtlExceeded { from });
        }
        let text = finished(transcript, Duration::from_millis(1002));
        assert!(text.contains("From 10.0.0.1 icmp_seq=2 Time to live exceeded\n"));
        assert!(text.ends_with("+2 errors, 100% packet loss, time 1002ms\npipe 2"), "{text}");
    }

    fn line(micros: &[u64]) -> String {
        let mut round_trips = RoundTrips::default();
        for each in micros {
            round_trips.add(Duration::from_micros(*each));
        }
        round_trips.to_string()
    }

    #[test]
    fn deviation_is_computed_as_by_iputils() {
        assert_eq!(line(&[211]), "rtt min/avg/max/mdev = 0.211/0.211/0.211/0.000 ms");
        assert_eq!(line(&[100, 300]), "rtt min/avg/max/mdev = 0.100/0.200/0.300/0.100 ms");
        assert_eq!(line(&[47, 58, 61]), "rtt min/avg/max/mdev = 0.047/0.055/0.061/0.006 ms");
        assert_eq!(
            line(&[2_000_000_000, 2_000_000_000]),
            "rtt min/avg/max/mdev = 2000000.000/2000000.000/2000000.000/0.000 ms"
        );
        assert_eq!(line(&[]), "");
    }
}
