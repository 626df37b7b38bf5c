//! What `curl -v` prints: heads with `> ` and `< ` before each line, and the body of the reply.

use super::{
    budget::Budget,
    http::{self, End, Found, Message},
    reading::{Part, Reading},
    text::LineCounter,
};
use crate::item::{Content, Extent};

/// The exchanges in the output of `curl -v`.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    if !bytes.starts_with(b"> ") && !bytes.starts_with(b"< ") && !bytes.starts_with(b"* ") {
        return Reading::No;
    }
    let mut messages = Vec::new();
    let mut at = 0;
    while at < bytes.len() && messages.len() < http::MAX_MESSAGES {
        let (line, length) = line(&bytes[at..]);
        let mark = [b"> ", b"< "]
            .into_iter()
            .find(|mark| line.strip_prefix(*mark).is_some_and(http::starts));
        let Some(mark) = mark else {
            at += length;
            continue;
        };
        let (head, after) = head(&bytes[at..], mark);
        let start = at;
        at += after;
        let Some(mut found) = http::message(&head, End::Text, budget) else { continue };
        found.gaps.clear();
        at += body(&bytes[at..], &mut found, budget);
        messages.push((start, found));
    }
    let exchanges = http::in_order(messages);
    let mut counter = LineCounter::of(bytes);
    let part = |(exchange, at): (_, usize)| {
        let line = counter.line_at(at);
        let form = format!("output of `curl -v`, {}", http::form(&exchange));
        Part::found(form, Content::Exchange(exchange)).at(format!("line {line}"))
    };
    Reading::of(exchanges.into_iter().map(part).collect())
}

/// The first line without its end, and how many bytes it has with it.
fn line(bytes: &[u8]) -> (&[u8], usize) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = &bytes[..end];
    (line.strip_suffix(b"\r").unwrap_or(line), (end + 1).min(bytes.len()))
}

/// The head without its marks, and how many bytes it has with them. Remarks of curl may be between its lines.
fn head(bytes: &[u8], mark: &[u8]) -> (Vec<u8>, usize) {
    let (mut head, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let (line, length) = line(&bytes[at..]);
        // Editors remove the blank at the end of a line.
        let content =
            line.strip_prefix(mark).or_else(|| (line == mark.trim_ascii()).then_some(b""));
        if content.is_none() && !is_remark(line) {
            break;
        }
        at += length;
        if let Some(content) = content {
            head.extend_from_slice(content);
            head.extend_from_slice(b"\r\n");
            if content.is_empty() {
                break;
            }
        }
    }
    (head, at)
}

/// True for what curl says itself.
fn is_remark(line: &[u8]) -> bool {
    line.starts_with(b"* ") || line.starts_with(b"{ [") || line.starts_with(b"} [")
}

/// Takes the body of a message, and gives how many bytes were read for it.
fn body(bytes: &[u8], found: &mut Found, budget: &mut Budget) -> usize {
    let (fields, body, extent, is_reply) = match &mut found.message {
        Message::Request(it) => (&it.fields, &mut it.body, &mut it.extent, false),
        Message::Reply(it) => (&it.fields, &mut it.body, &mut it.extent, true),
    };
    *extent = Extent::Whole;
    let announced = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let announced = announced.and_then(|(_, value)| value.trim().parse::<usize>().ok());
    // curl shows no body of a request.
    let is_chunked =
        !is_reply && fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    body.clear();
    let mut at = 0;
    while is_reply && at < bytes.len() && is_remark(line(&bytes[at..]).0) {
        at += line(&bytes[at..]).1;
    }
    if is_reply {
        let rest = &bytes[at..];
        let is_next = |line: &[u8]| line.starts_with(b"> ") || line.starts_with(b"< HTTP/");
        let end = match announced {
            Some(length) if !is_next(rest) => length.min(rest.len()),
            _ => end_of_body(rest),
        };
        if budget.take_bytes(end) {
            body.extend_from_slice(&rest[..end]);
        }
        at += end;
    }
    if announced.is_some_and(|announced| announced > body.len()) || is_chunked {
        *extent = Extent::Partial;
    }
    match announced {
        Some(announced) if announced > 0 && body.is_empty() => found.gaps.push(format!(
            "curl printed none of the {announced} bytes of the body; `--trace FILE` writes them"
        )),
        Some(announced) if announced > body.len() => found.gaps.push(format!(
            "the body has {} of the {announced} bytes that its head announces",
            body.len()
        )),
        _ => {}
    }
    at
}

/// The end of a body whose length is not announced.
fn end_of_body(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let (line, length) = line(&bytes[at..]);
        let is_last = line.starts_with(b"* Connection #") || line.starts_with(b"* Closing");
        if is_last || line.starts_with(b"> ") || line.starts_with(b"< HTTP/") {
            return at;
        }
        at += length;
    }
    at
}
