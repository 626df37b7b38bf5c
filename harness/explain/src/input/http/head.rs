//! The head of an HTTP message: its first line and its fields.

use super::End;
use crate::input::text::is_printable;

/// The longest line, in bytes: the message of a GET is in one.
const MAX_LINE: usize = 256 * 1024;

/// The most fields.
const MAX_FIELDS: usize = 200;

/// The longest method, in characters.
const MAX_METHOD: usize = 10;

/// The first line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    Request { method: String, target: String },
    Reply { status: u16 },
}

pub(super) struct Head {
    pub(super) start: Start,
    pub(super) fields: Vec<(String, String)>,
    /// How many bytes it has, with the empty line at its end.
    pub(super) length: usize,
    pub(super) gaps: Vec<String>,
    /// True if its end was not captured.
    pub(super) is_cut: bool,
}

/// True if the bytes begin with the first line of a request or a reply.
pub(in crate::input) fn starts(bytes: &[u8]) -> bool {
    start(bytes).is_some()
}

/// The head that the bytes begin with.
pub(super) fn read(bytes: &[u8], end: End) -> Option<Head> {
    let (start, mut at) = start(bytes)?;
    let mut head = Head { start, fields: Vec::new(), length: 0, gaps: Vec::new(), is_cut: false };
    let is_one_line = at >= bytes.len();
    loop {
        let Some((line, length)) = line(&bytes[at..]) else {
            head.length = bytes.len();
            if end != End::Text {
                head.gaps.push(format!("the head is cut off {}", after(end)));
                head.is_cut = end != End::Closed;
            } else if !is_one_line && head.fields.is_empty() {
                head.gaps.push("the head has no end".to_owned());
            }
            return Some(head);
        };
        if line.is_empty() {
            head.length = at + length;
            return Some(head);
        }
        if starts(&bytes[at..]) {
            head.length = at;
            head.gaps.push("the head has no empty line at its end".to_owned());
            return Some(head);
        }
        at += length;
        add(&mut head, line);
    }
}

/// What the bytes end with, in words.
pub(super) fn after(end: End) -> String {
    match end {
        End::Text => "where the text ends".to_owned(),
        End::Closed => "by the end of the connection".to_owned(),
        End::Open => "by the end of the capture".to_owned(),
        End::Lost(count) => format!("by {count} bytes that were not captured"),
    }
}

/// Adds a line of the head.
fn add(head: &mut Head, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    if head.fields.len() == MAX_FIELDS {
        head.gaps.push(format!("the head has more than {MAX_FIELDS} fields"));
    }
    if head.fields.len() >= MAX_FIELDS {
        return;
    }
    // A line that goes on (RFC 9112 §5.2).
    if text.starts_with([' ', '\t'])
        && let Some((_, value)) = head.fields.last_mut()
    {
        value.push(' ');
        value.push_str(text.trim());
        return;
    }
    let field = text.split_once(':');
    if field.is_none() {
        head.gaps.push(format!("line {} of the head is no field", head.fields.len() + 2));
    }
    let (name, value) = field.unwrap_or((&text, ""));
    head.fields.push((name.trim().to_owned(), value.trim().to_owned()));
}

/// The first line, and how many bytes it has with its end.
fn start(bytes: &[u8]) -> Option<(Start, usize)> {
    // Most bytes are told by the first of them, which matters in bodies of many lines.
    if !bytes.first()?.is_ascii_uppercase() {
        return None;
    }
    let is_reply = bytes.starts_with(b"HTTP/");
    let method = bytes.iter().take(MAX_METHOD + 1).take_while(|byte| byte.is_ascii_uppercase());
    let method = method.count();
    let is_request = bytes.get(method) == Some(&b' ') && (3..=MAX_METHOD).contains(&method);
    if !is_reply && !is_request {
        return None;
    }
    let (line, length) = line(bytes).unwrap_or((&bytes[..bytes.len().min(MAX_LINE)], bytes.len()));
    let text = str::from_utf8(line).ok().filter(|line| is_printable(line.as_bytes()))?;
    let start = if is_reply {
        let (version, rest) = text.split_once(' ')?;
        is_version(version).then_some(())?;
        let status = rest.get(..3)?.parse().ok()?;
        let is_end = rest[3..].is_empty() || rest[3..].starts_with(' ');
        (is_end && rest.as_bytes()[0].is_ascii_digit()).then_some(Start::Reply { status })?
    } else {
        // A target that was decoded may have blanks in it.
        let (rest, version) = text.trim_end().rsplit_once(' ')?;
        is_version(version).then_some(())?;
        let target = rest.get(method + 1..)?.trim();
        let method = rest[..method].to_owned();
        (!target.is_empty()).then(|| Start::Request { method, target: target.to_owned() })?
    };
    Some((start, length))
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix("HTTP/").unwrap_or_default();
    matches!(number, "0.9" | "1.0" | "1.1" | "2" | "2.0" | "3")
}

/// The first line without its end, and how many bytes it has with it; `None` if it has no end.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}
