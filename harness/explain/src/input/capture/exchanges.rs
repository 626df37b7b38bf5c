//! What was said on a connection.

use std::{net::SocketAddr, time::SystemTime};

use diagnostics::counted;

use super::{
    connection::Connection,
    stream::{self, Run, Stream},
};
use crate::{
    input::{
        budget::Budget,
        http::{self, End, Found},
    },
    item::{Exchange, Gap},
};

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Http2,
    Tls,
    Other,
}

/// A connection and the exchanges on it.
pub(super) struct Spoken {
    pub(super) kind: Kind,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) exchanges: Vec<Exchange>,
}

/// A message with its time.
struct Timed {
    found: Found,
    at: Option<SystemTime>,
}

/// Reads what was said on a connection.
pub(super) fn of(connection: &Connection<'_>, budget: &mut Budget) -> Spoken {
    let [first, second] = &connection.ends;
    let total: usize =
        connection.ends.iter().flat_map(|end| &end.pieces).map(|piece| piece.bytes.len()).sum();
    let mut spoken = Spoken {
        kind: Kind::Other,
        client: first.address,
        server: second.address,
        exchanges: Vec::new(),
    };
    if !budget.take_bytes(total) {
        return spoken;
    }
    let streams = [stream::of(first), stream::of(second)];
    let is_client = |side: usize| {
        let is_request = |run: &Run| {
            let start = http::next_start(&run.bytes, 0);
            start.is_some_and(|at| !run.bytes[at..].starts_with(b"HTTP/"))
        };
        connection.ends[side].opened || streams[side].runs.iter().any(is_request)
    };
    let [first_stream, second_stream] = &streams;
    let (client, server, requests, replies) = if is_client(1) && !is_client(0) {
        (second.address, first.address, second_stream, first_stream)
    } else {
        (first.address, second.address, first_stream, second_stream)
    };
    (spoken.client, spoken.server) = (client, server);
    spoken.kind = kind(requests, replies);
    if spoken.kind != Kind::Http {
        return spoken;
    }
    let end = if connection.is_closed() { End::Closed } else { End::Open };
    let mut lacks = is_late(connection);
    let sent = timed(requests, end, &mut lacks, budget);
    let answered = timed(replies, end, &mut lacks, budget);
    let notes = notes(connection, requests, replies);
    for (request, reply) in pairs(sent, answered, lacks) {
        let at = request.as_ref().or(reply.as_ref()).and_then(|timed| timed.at);
        let found = |timed: Option<Timed>| timed.map(|timed| timed.found);
        let mut exchange = http::exchange(found(request), found(reply));
        (exchange.at, exchange.client, exchange.server) =
            (at, Some(client.to_string()), Some(server.to_string()));
        if exchange.reply.is_none() {
            exchange.gaps.push(no_reply(connection, replies));
        }
        if exchange.request.is_none() {
            let words = "the request of this reply was not captured".to_owned();
            exchange.gaps.push(Gap::Other(words));
        }
        exchange.gaps.extend(notes.iter().cloned().map(Gap::Other));
        spoken.exchanges.push(exchange);
    }
    spoken
}

fn no_reply(connection: &Connection<'_>, replies: &Stream) -> Gap {
    if has_hole(replies) {
        let words = "no reply to this request was captured; segments from the server are missing";
        return Gap::Other(words.to_owned());
    }
    if connection.is_reset() {
        return Gap::Unanswered("the connection was reset before a reply came".to_owned());
    }
    if connection.is_closed() {
        return Gap::Unanswered("the connection was closed before a reply came".to_owned());
    }
    Gap::Other("the capture ends before a reply came".to_owned())
}

fn has_hole(stream: &Stream) -> bool {
    stream.lost_after > 0 || stream.runs.iter().any(|run| run.lost_before > 0)
}

fn kind(requests: &Stream, replies: &Stream) -> Kind {
    let begins = |stream: &Stream, test: fn(&[u8]) -> bool| {
        stream.runs.first().is_some_and(|run| test(&run.bytes))
    };
    let is_http =
        |stream: &Stream| stream.runs.iter().any(|run| http::next_start(&run.bytes, 0).is_some());
    let is_tls: fn(&[u8]) -> bool = |bytes| matches!(bytes, [0x14..=0x17, 3, 0..=4, ..]);
    if begins(requests, |bytes| bytes.starts_with(b"PRI * HTTP/2")) {
        Kind::Http2
    } else if begins(requests, is_tls) || begins(replies, is_tls) {
        Kind::Tls
    } else if is_http(requests) || is_http(replies) {
        Kind::Http
    } else {
        Kind::Other
    }
}

/// The messages of one direction. After a hole, what is left of a message whose length is known is passed over.
///
/// Sets `lacks` if whole messages may be missing.
fn timed(stream: &Stream, end: End, lacks: &mut bool, budget: &mut Budget) -> Vec<Timed> {
    let mut messages = Vec::new();
    let mut missing = 0_u64;
    for (number, run) in stream.runs.iter().enumerate() {
        let after = match stream.runs.get(number + 1) {
            Some(next) => End::Lost(next.lost_before),
            None if stream.lost_after > 0 => End::Lost(stream.lost_after),
            None => end,
        };
        *lacks |= run.lost_before > missing;
        let rest = missing.saturating_sub(run.lost_before);
        let start = usize::try_from(rest).unwrap_or(usize::MAX).min(run.bytes.len());
        missing = rest - start as u64;
        for (at, found) in http::messages(&run.bytes[start..], after, budget) {
            missing = found.missing;
            let at = run.time_at(start + at);
            if !http::is_interim(&found.message) {
                messages.push(Timed { found, at });
            }
        }
        if messages.len() >= http::MAX_MESSAGES {
            break;
        }
    }
    messages
}

/// Requests with their replies, in their order. If messages are missing, a reply belongs to the last request before it.
fn pairs(
    requests: Vec<Timed>,
    replies: Vec<Timed>,
    lacks: bool,
) -> Vec<(Option<Timed>, Option<Timed>)> {
    let mut pairs = Vec::new();
    let mut requests = requests.into_iter().peekable();
    for reply in replies {
        let may_belong = |request: &Timed| !lacks || request.at <= reply.at;
        let mut request = requests.next_if(may_belong);
        while lacks && requests.peek().is_some_and(may_belong) {
            pairs.push((request.take(), None));
            request = requests.next();
        }
        pairs.push((request, Some(reply)));
    }
    pairs.extend(requests.map(|request| (Some(request), None)));
    pairs
}

/// True if the first segments of a connection were not captured.
fn is_late(connection: &Connection<'_>) -> bool {
    connection.ends.iter().any(|end| end.start.is_none() && !end.pieces.is_empty())
}

/// What is to be known about the segments of a connection, in sentences.
fn notes(connection: &Connection<'_>, requests: &Stream, replies: &Stream) -> Vec<String> {
    let mut notes = Vec::new();
    for (who, stream) in [("client", requests), ("server", replies)] {
        let holes: Vec<u64> =
            stream.runs.iter().map(|run| run.lost_before).filter(|lost| *lost > 0).collect();
        if !holes.is_empty() || stream.lost_after > 0 {
            let sum = holes.iter().sum::<u64>() + stream.lost_after;
            let sum = counted(usize::try_from(sum).unwrap_or(usize::MAX), "byte");
            let places = counted(holes.len() + usize::from(stream.lost_after > 0), "place");
            notes.push(format!("missing in the connection: {sum} from the {who}, at {places}"));
        }
        if stream.is_cut {
            notes.push(format!(
                "packets from the {who} were captured in part: capture them whole (`tcpdump -s 0`)"
            ));
        }
        if stream.disordered > 0 {
            let segments = counted(stream.disordered, "segment");
            notes.push(format!(
                "put in order in the connection: {segments} from the {who}, late or sent again"
            ));
        }
        if stream.differs {
            notes.push(format!(
                "segments from the {who} overlap with different bytes; those of the earlier place were taken"
            ));
        }
    }
    if is_late(connection) {
        notes.push("the beginning of the connection was not captured".to_owned());
    }
    notes
}
