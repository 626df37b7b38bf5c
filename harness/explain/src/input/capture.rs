//! Captures of packets (pcap, pcapng): TCP connections put together, and the SCEP exchanges on them.
//!
//! The connections are put together here: the crates that do it are young, read from a live interface, or grow with what is sent to them.

mod connection;
mod exchanges;
mod file;
mod link;
mod packet;
mod stream;

use std::{collections::HashMap, net::SocketAddr, time::SystemTime};

use diagnostics::counted;

use self::{
    connection::Connection,
    exchanges::{Kind, Spoken},
    link::Link,
    packet::{Packet, Segment},
};
use super::{
    budget::Budget,
    http,
    reading::{Part, Reading},
};
use crate::item::{Content, Gap, Subject, subject};

/// The most connections. More are not looked at.
const MAX_CONNECTIONS: usize = 20_000;

/// The most segments of all connections.
const MAX_SEGMENTS: usize = 1_000_000;

/// The exchanges in a capture.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let mut capture = Capture::default();
    let Some(end) = file::each(bytes, &mut |frame| capture.add(&frame)) else { return Reading::No };
    capture.notes.extend(end.stopped);
    capture.reading(end.form, budget)
}

/// A packet as a capture has it.
struct Frame<'a> {
    link: Link,
    at: Option<SystemTime>,
    bytes: &'a [u8],
    /// How many bytes it had on the wire.
    length: usize,
}

/// The exchanges in packets that were copied as hex dumps; `None` if there are none. Wireshark writes what it put together beside them.
pub(super) fn of_frames<'a>(
    frames: impl Iterator<Item = &'a [u8]>,
    budget: &mut Budget,
) -> Option<Reading> {
    let mut capture = Capture::default();
    for bytes in frames {
        if let Some(link) = link::guess(bytes) {
            capture.add(&Frame { link, at: None, bytes, length: bytes.len() });
        }
    }
    if capture.packets == 0 {
        return None;
    }
    match capture.reading("packets as hex dumps", budget) {
        Reading::Parts(parts) => Some(Reading::Parts(parts)),
        _ => None,
    }
}

/// What was captured.
#[derive(Default)]
struct Capture<'a> {
    connections: Vec<Connection<'a>>,
    /// The newest connection of two addresses, which are in their order.
    newest: HashMap<(SocketAddr, SocketAddr), usize>,
    packets: usize,
    segments: usize,
    others: HashMap<String, usize>,
    notes: Vec<String>,
}

impl<'a> Capture<'a> {
    fn add(&mut self, frame: &Frame<'a>) {
        self.packets += 1;
        let segment = match link::inside(frame.link, frame.bytes) {
            Some(Packet::Tcp(segment)) => segment,
            Some(Packet::Other(kind)) => return self.count(&kind),
            None => return self.count("cut off or damaged"),
        };
        self.segments += 1;
        if self.segments > MAX_SEGMENTS {
            return self.count("over the limit");
        }
        let is_cut = frame.bytes.len() < frame.length;
        let number = self.packets;
        if let Some(connection) = self.connection(&segment) {
            connection.add(segment, number, frame.at, is_cut);
        }
    }

    fn count(&mut self, kind: &str) {
        *self.others.entry(kind.to_owned()).or_default() += 1;
    }

    /// The connection that a segment belongs to.
    fn connection(&mut self, segment: &Segment<'a>) -> Option<&mut Connection<'a>> {
        let (from, to) = (segment.from, segment.to);
        let key = if from < to { (from, to) } else { (to, from) };
        let known = self.newest.get(&key).copied();
        let is_known = known.is_some_and(|known| self.connections[known].takes(segment));
        let index = match known {
            Some(known) if is_known => known,
            _ if self.connections.len() == MAX_CONNECTIONS => {
                self.count("of connections over the limit");
                return None;
            }
            _ => {
                self.connections.push(Connection::of(segment));
                self.newest.insert(key, self.connections.len() - 1);
                self.connections.len() - 1
            }
        };
        self.connections.get_mut(index)
    }

    fn reading(self, form: &str, budget: &mut Budget) -> Reading {
        let (mut parts, mut seen) = (Vec::new(), Seen::default());
        let mut tls: Vec<SocketAddr> = Vec::new();
        let count = self.connections.len();
        for connection in self.connections {
            let Spoken { kind, client, server, exchanges } = exchanges::of(&connection, budget);
            match kind {
                Kind::Http => seen.http += exchanges.len(),
                Kind::Tls => tls.push(server),
                Kind::Http2 => seen.http2 += 1,
                Kind::Other => {}
            }
            let total = exchanges.len();
            for (number, exchange) in (1..).zip(exchanges) {
                if matches!(subject(&exchange), None | Some(Subject::Other)) {
                    continue;
                }
                let form = format!("{form}, {}", http::form(&exchange));
                let place = format!(
                    "connection from {client} to {server} from packet {}, exchange {number} of {total}",
                    connection.first_packet()
                );
                parts.push((server, Part::found(form, Content::Exchange(exchange)).at(place)));
            }
        }
        if parts.is_empty() {
            seen.tls = tls.len();
            return Reading::Stop(words(form, count, &seen, &self.others, &self.notes));
        }
        let with_notes = |(server, mut part): (SocketAddr, Part)| {
            if let super::reading::Inside::Found(Content::Exchange(exchange)) = &mut part.inside {
                let same = tls.iter().filter(|other| other.ip() == server.ip()).count();
                let of_tls = (same > 0).then(|| {
                    format!(
                        "the capture also has {} to {}, which cannot be read without the keys",
                        counted(same, "TLS connection"),
                        server.ip()
                    )
                });
                let notes = of_tls.into_iter().chain(self.notes.iter().cloned());
                exchange.gaps.extend(notes.map(Gap::Other));
            }
            part
        };
        Reading::Parts(parts.into_iter().map(with_notes).collect())
    }
}

/// How often other things than SCEP were seen.
#[derive(Default)]
struct Seen {
    http: usize,
    http2: usize,
    tls: usize,
}

/// What a capture has in place of SCEP.
fn words(
    form: &str,
    connections: usize,
    seen: &Seen,
    others: &HashMap<String, usize>,
    notes: &[String],
) -> String {
    let connections = counted(connections, "TCP connection");
    let mut words = vec![format!("{form}: it has {connections} and no exchange of SCEP")];
    for (count, noun, further) in [
        (seen.http, "HTTP exchange", " about something else"),
        (
            seen.tls,
            "TLS connection",
            ", which cannot be read without the keys: capture behind the end of TLS",
        ),
        (seen.http2, "HTTP/2 connection", ", which is not read here"),
    ] {
        words.extend((count > 0).then(|| format!("{}{further}", counted(count, noun))));
    }
    let mut others: Vec<_> = others.iter().collect();
    others.sort();
    words.extend(
        others.into_iter().map(|(kind, count)| format!("{} {kind}", counted(*count, "packet"))),
    );
    words.extend_from_slice(notes);
    words.join("; ")
}
