//! Messages in bytes that are all there: a text that a user pasted, or what was captured of a connection.

use super::chunked::{After, Lack};
use super::framing::{Framing, has_odd_length};
use super::head::{FirstLine, HeadEnd, Parsed, parse, starts};
use crate::exchange::{Extent, Reply, Request};

/// What follows the bytes that a message is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is known: it is a text.
    Text,
    /// The end of the connection.
    Closed,
    /// The end of the capture, while the connection was open.
    Open,
    /// So many bytes that were not captured.
    Lost(u64),
}

/// A request or a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpMessage {
    /// A request.
    Request(Request),
    /// A reply.
    Reply(Reply),
}

/// A message that was found, as far as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The message, without the bytes of its head.
    pub message: HttpMessage,
    /// What is missing or odd, in sentences.
    pub gaps: Vec<String>,
    /// How many bytes it has, as far as they are there.
    pub length: usize,
    /// How many further bytes belong to it, if its head or a chunk says so.
    pub missing: u64,
}

/// A body, as far as it is there.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    /// How many bytes it has as it was sent.
    length: usize,
    missing: u64,
    extent: Extent,
    gap: Option<String>,
}

/// The place of the next first line of a message, which is at the beginning of a line or right at `from`.
pub fn next_start(bytes: &[u8], from: usize) -> Option<usize> {
    next_start_before(bytes, from, bytes.len())
}

/// As [`next_start`], if that place is before a limit.
fn next_start_before(bytes: &[u8], from: usize, limit: usize) -> Option<usize> {
    let mut at = from;
    while at < limit {
        if starts(&bytes[at..]) {
            return Some(at);
        }
        at += bytes[at..limit].iter().position(|byte| *byte == b'\n')? + 1;
    }
    None
}

/// The message that the bytes begin with, before that ending; none if they do not begin with a first line.
pub fn first_message(bytes: &[u8], ending: Ending) -> Option<Found> {
    let is_text = ending == Ending::Text;
    let head = parse(bytes, is_text)?;
    let is_cut = head.end == HeadEnd::NoMore && matches!(ending, Ending::Open | Ending::Lost(_));
    let gap_of_head = gap_of_head(&head, ending, bytes);
    let Parsed { line, fields, length, mut odd, .. } = head;
    odd.extend(gap_of_head);
    let framing = Framing::of(&line, &fields, None, is_text);
    if matches!(framing, Framing::UntilClose) && has_odd_length(&fields) {
        odd.push("Content-Length is no number".to_owned());
    }
    let body = body(&bytes[length..], framing, ending);
    odd.extend(body.gap);
    let extent = if is_cut { Extent::Partial } else { body.extent };
    let head = Vec::new();
    let body_bytes = body.bytes;
    let message = match line {
        FirstLine::Request { method, target } => {
            HttpMessage::Request(Request { head, method, target, fields, body: body_bytes, extent })
        }
        FirstLine::Reply { status } => {
            let status = Some(status);
            HttpMessage::Reply(Reply { head, status, fields, body: body_bytes, extent })
        }
        FirstLine::None => return None,
    };
    Some(Found { message, gaps: odd, length: length + body.length, missing: body.missing })
}

/// What the end of a head lacks. A first line alone is one that was pasted so.
fn gap_of_head(head: &Parsed, ending: Ending, bytes: &[u8]) -> Option<String> {
    match head.end {
        HeadEnd::EmptyLine => None,
        HeadEnd::NextMessage => Some("the head has no empty line at its end".to_owned()),
        HeadEnd::NoMore if ending != Ending::Text => {
            Some(format!("the head is cut off {}", after(ending)))
        }
        HeadEnd::NoMore => {
            let is_one_line = !bytes.trim_ascii().contains(&b'\n');
            let words = "the head has no end".to_owned();
            (!is_one_line && head.fields.is_empty()).then_some(words)
        }
    }
}

fn body(bytes: &[u8], framing: Framing, ending: Ending) -> Body {
    match framing {
        Framing::Length { whole, .. } => of_length(bytes, whole, ending),
        Framing::UntilClose => to_the_end(bytes, ending),
        Framing::Chunked(mut chunked) => {
            let mut body = Body::default();
            let (length, after) = chunked.take(bytes, &mut |part| body.bytes.extend(part));
            body.length = length;
            match (after, chunked.lack()) {
                (After::Complete, _) | (After::More, Some(Lack::End)) => {}
                (After::NoChunk, _) | (After::More, None) => {
                    let words = "the chunks of the body are cut off at what is no chunk";
                    body.gap = Some(words.to_owned());
                }
                (After::More, Some(Lack::Chunks)) => {
                    let after = self::after(ending);
                    body.gap = Some(format!("the chunks of the body are cut off {after}"));
                    body.extent = cut(ending);
                }
                (After::More, Some(Lack::Bytes { came, whole })) => {
                    body.missing = whole - came;
                    body.extent = cut(ending);
                    body.gap = Some(format!(
                        "a chunk of the body has {came} of {whole} bytes: it is cut off {}",
                        self::after(ending)
                    ));
                }
            }
            body
        }
    }
}

/// A body whose length is not announced.
fn to_the_end(bytes: &[u8], ending: Ending) -> Body {
    let length = match ending {
        Ending::Text => next_message(bytes, bytes.len()).unwrap_or(bytes.len()),
        _ => bytes.len(),
    };
    let is_cut = matches!(ending, Ending::Open | Ending::Lost(_));
    let gap = is_cut.then(|| format!("the body is cut off {}", after(ending)));
    let extent = if is_cut { Extent::Partial } else { Extent::Whole };
    Body { bytes: bytes[..length].to_vec(), length, missing: 0, extent, gap }
}

fn of_length(bytes: &[u8], announced: u64, ending: Ending) -> Body {
    let length = usize::try_from(announced).unwrap_or(usize::MAX).min(bytes.len());
    // Line ends that were changed on the way make a text shorter than announced.
    let next = (ending == Ending::Text).then(|| next_message(bytes, length)).flatten();
    let length = next.unwrap_or(length);
    let missing = announced - length as u64;
    let gap = (missing > 0).then(|| {
        let place =
            next.map_or_else(|| after(ending), |_| "where the next message begins".to_owned());
        format!(
            "the body has {length} of the {announced} bytes that its head announces: it is cut off {place}"
        )
    });
    let extent = if missing > 0 { cut(ending) } else { Extent::Whole };
    let missing = if next.is_some() { 0 } else { missing };
    Body { bytes: bytes[..length].to_vec(), length, missing, extent, gap }
}

/// The place of a further message in a body of so many bytes, after a line end.
fn next_message(bytes: &[u8], length: usize) -> Option<usize> {
    let line_end = bytes[..length].iter().position(|byte| *byte == b'\n')?;
    next_start_before(bytes, line_end + 1, length)
}

/// Whose doing it is that a body ends before its time: what follows a text is not known.
fn cut(ending: Ending) -> Extent {
    match ending {
        Ending::Closed => Extent::CutBySender,
        Ending::Text | Ending::Open | Ending::Lost(_) => Extent::Partial,
    }
}

/// What the bytes end with, in words.
fn after(ending: Ending) -> String {
    match ending {
        Ending::Text => "where the text ends".to_owned(),
        Ending::Closed => "by the end of the connection".to_owned(),
        Ending::Open => "by the end of the capture".to_owned(),
        Ending::Lost(count) => format!("by {count} bytes that were not captured"),
    }
}
