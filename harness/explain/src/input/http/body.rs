//! The body of an HTTP message: its length, its chunks, its coding.

use super::{
    End, field,
    head::{Start, after, starts},
};
use crate::{
    exhibit::Extent,
    input::{budget::Budget, gzip},
};

/// The most chunks of a body.
const MAX_CHUNKS: usize = 100_000;

/// The replacement character, which an editor or a terminal puts in the place of bytes that are no text.
const REPLACEMENT: &[u8] = b"\xef\xbf\xbd";

#[derive(Default)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// How many bytes it has as it was sent, as far as they are there.
    pub(super) length: usize,
    /// How many further bytes belong to it.
    pub(super) missing: u64,
    pub(super) extent: Extent,
    pub(super) gaps: Vec<String>,
}

/// The body that the bytes after a head begin with.
pub(super) fn body(
    bytes: &[u8],
    start: &Start,
    fields: &[(String, String)],
    end: End,
    budget: &mut Budget,
) -> Body {
    let mut body = framed(bytes, start, fields, end);
    if !budget.take_bytes(body.bytes.len()) {
        return Body::default();
    }
    if let Some(coding) = field(fields, "content-encoding") {
        decode(&mut body, &coding.trim().to_ascii_lowercase(), budget);
    }
    let replaced = body.bytes.windows(REPLACEMENT.len()).filter(|three| *three == REPLACEMENT);
    // A text may have one; ASN.1 has none by chance.
    if body.bytes.starts_with(&[0x30]) && replaced.count() > 2 {
        body.gaps.push(
            "the body went through a program that replaces what is no text by U+FFFD, so its bytes are lost"
                .to_owned(),
        );
        body.extent = Extent::Partial;
    }
    body
}

fn framed(bytes: &[u8], start: &Start, fields: &[(String, String)], end: End) -> Body {
    let is_empty = matches!(start, Start::Reply { status: 100..=199 | 204 | 304 });
    let is_chunked = field(fields, "transfer-encoding")
        .is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
    let announced = field(fields, "content-length").map(|length| length.trim().parse::<u64>());
    match announced {
        _ if is_empty => Body::default(),
        _ if is_chunked => chunked(bytes, end),
        Some(Ok(announced)) => of_length(bytes, announced, end),
        Some(Err(_)) => {
            let mut body = to_the_end(bytes, end);
            body.gaps.push("Content-Length is no number".to_owned());
            body
        }
        None => match start {
            Start::Request { .. } if end != End::Text => Body::default(),
            Start::Request { method, .. } if matches!(&**method, "GET" | "HEAD") => Body::default(),
            _ => to_the_end(bytes, end),
        },
    }
}

/// A body whose length is not announced.
fn to_the_end(bytes: &[u8], end: End) -> Body {
    if end != End::Text {
        let gaps = match end {
            End::Closed | End::Text => Vec::new(),
            End::Open | End::Lost(_) => vec![format!("the body is cut off {}", after(end))],
        };
        let extent = if gaps.is_empty() { Extent::Whole } else { Extent::Partial };
        return Body {
            bytes: bytes.to_vec(),
            length: bytes.len(),
            extent,
            gaps,
            ..Body::default()
        };
    }
    let length = next_message(bytes, bytes.len()).unwrap_or(bytes.len());
    Body { bytes: bytes[..length].to_vec(), length, ..Body::default() }
}

fn of_length(bytes: &[u8], announced: u64, end: End) -> Body {
    let length = usize::try_from(announced).unwrap_or(usize::MAX).min(bytes.len());
    // Line ends that were changed on the way make a text shorter than announced.
    let next = (end == End::Text).then(|| next_message(bytes, length)).flatten();
    let length = next.unwrap_or(length);
    let missing = announced - length as u64;
    let mut gaps = Vec::new();
    if missing > 0 {
        gaps.push(format!(
            "the body has {length} of the {announced} bytes that its head announces: it is cut off {}",
            if next.is_some() { "where the next message begins".to_owned() } else { after(end) }
        ));
    }
    let extent = if missing > 0 { cut(end) } else { Extent::Whole };
    let missing = if next.is_some() { 0 } else { missing };
    Body { bytes: bytes[..length].to_vec(), length, missing, extent, gaps }
}

/// Whose doing it is that a body ends before its time: what follows a text is not known.
fn cut(end: End) -> Extent {
    match end {
        End::Closed => Extent::CutBySender,
        End::Text | End::Open | End::Lost(_) => Extent::Partial,
    }
}

/// The place of a further message in a body of so many bytes.
fn next_message(bytes: &[u8], length: usize) -> Option<usize> {
    let after_line_end = |(at, byte): (usize, &u8)| (*byte == b'\n').then_some(at + 1);
    bytes[..length].iter().enumerate().filter_map(after_line_end).find(|at| starts(&bytes[*at..]))
}

/// A body in chunks (RFC 9112 §7.1).
fn chunked(bytes: &[u8], end: End) -> Body {
    let mut body = Body::default();
    let mut rest = bytes;
    for _ in 0..MAX_CHUNKS {
        let Some((size, after_size)) = chunk_size(rest) else {
            let reason =
                if rest.is_empty() { after(end) } else { "at what is no chunk".to_owned() };
            body.gaps.push(format!("the chunks of the body are cut off {reason}"));
            body.extent = if rest.is_empty() { cut(end) } else { Extent::Whole };
            break;
        };
        rest = after_size;
        if size == 0 {
            rest = after_trailers(rest);
            break;
        }
        let there = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        body.bytes.extend_from_slice(&rest[..there]);
        rest = &rest[there..];
        if (there as u64) < size {
            body.missing = size - there as u64;
            body.extent = cut(end);
            body.gaps.push(format!(
                "a chunk of the body has {there} of {size} bytes: it is cut off {}",
                after(end)
            ));
            break;
        }
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    }
    body.length = bytes.len() - rest.len();
    body
}

/// The size of a chunk, and what is after its line.
fn chunk_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(1024).position(|byte| *byte == b'\n')?;
    let line = str::from_utf8(&bytes[..end]).ok()?;
    let digits = line.split(';').next()?.trim();
    let size = u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
    Some((size, &bytes[end + 1..]))
}

/// What is after the trailers and the empty line at the end of the last chunk.
fn after_trailers(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some(end) = rest.iter().take(8192).position(|byte| *byte == b'\n') {
        let is_empty = matches!(&rest[..end], b"" | b"\r");
        if starts(rest) {
            return rest;
        }
        rest = &rest[end + 1..];
        if is_empty {
            return rest;
        }
    }
    rest
}

fn decode(body: &mut Body, coding: &str, budget: &mut Budget) {
    if matches!(coding, "" | "identity") || body.bytes.is_empty() {
        return;
    }
    match gzip::decoded(&body.bytes, coding, budget) {
        Some(inflated) if inflated.bytes.is_empty() && inflated.stopped.is_some() => {
            let words = format!("the body is not {coding}, although its head says so");
            body.gaps.push(words);
        }
        Some(inflated) => {
            let stopped = inflated.stopped.map(|reason| format!("the body in {coding}: {reason}"));
            body.gaps.extend(stopped);
            body.bytes = inflated.bytes;
        }
        None => {
            let is_token = coding.len() <= 32 && coding.bytes().all(|byte| byte.is_ascii_graphic());
            let named =
                if is_token { format!("as `{coding}`, which") } else { "in a way that".to_owned() };
            body.gaps.push(format!("the body is coded {named} is not decoded here"));
        }
    }
}
