//! Where a body ends (RFC 9112 §6.3).

use super::chunked::{After, Chunked};
use super::head::FirstLine;
use crate::field;

/// How the end of a body is found.
#[derive(Debug)]
pub(crate) enum Framing {
    Length { left: u64, whole: u64 },
    Chunked(Chunked),
    UntilClose,
}

impl Framing {
    /// The framing of a message with this head; `answers` is the method of the request that a reply answers, if it is known.
    pub(crate) fn of(
        line: &FirstLine,
        fields: &[(String, String)],
        answers: Option<&str>,
        is_text: bool,
    ) -> Self {
        let length = |whole| Self::Length { left: whole, whole };
        let is_without_body = match line {
            FirstLine::Reply { status: 100 | 102..=199 | 204 | 304 } => true,
            FirstLine::Reply { .. } => answers == Some("HEAD"),
            _ => false,
        };
        if is_without_body {
            return length(0);
        }
        let mut codings = all(fields, "transfer-encoding");
        if codings.any(|it| it.trim().to_ascii_lowercase().ends_with("chunked")) {
            return Self::Chunked(if is_text { Chunked::in_text() } else { Chunked::default() });
        }
        let announced = all(fields, "content-length").find_map(|it| it.trim().parse().ok());
        match (announced, line) {
            (Some(whole), _) => length(whole),
            (None, _) if has_odd_length(fields) => Self::UntilClose,
            // Those who paste a request leave out fields.
            (None, FirstLine::Request { method, .. })
                if !is_text || matches!(method.as_str(), "GET" | "HEAD") =>
            {
                length(0)
            }
            (None, _) => Self::UntilClose,
        }
    }

    /// Gives the bytes that belong to the body to it; returns how many were read, and whether they complete it.
    pub(crate) fn take(&mut self, bytes: &[u8], body: &mut dyn FnMut(&[u8])) -> (usize, bool) {
        match self {
            Self::Length { left, .. } => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                body(&bytes[..taken]);
                *left -= taken as u64;
                (taken, *left == 0)
            }
            Self::Chunked(chunked) => {
                let (taken, after) = chunked.take(bytes, body);
                (taken, after == After::Complete)
            }
            Self::UntilClose => {
                body(bytes);
                (bytes.len(), false)
            }
        }
    }
}

/// True if there is a Content-Length, and it is no number.
pub(crate) fn has_odd_length(fields: &[(String, String)]) -> bool {
    field(fields, "content-length").is_some()
        && all(fields, "content-length").all(|it| it.trim().parse::<u64>().is_err())
}

fn all<'a>(fields: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    let named = fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}
