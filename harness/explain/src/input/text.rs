//! Texts: their encoding, and those that are themselves what a server answers.

use scep::{
    capabilities::Capability,
    content::{Content as Recognised, text},
};

use super::{
    budget::Budget,
    reading::{Part, Reading},
};
use crate::item::Content;

/// True for bytes that are all printable ASCII or blanks.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// The text of bytes in UTF-8; `None` if they are none, or have characters that no text has.
pub(super) fn utf_8(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    let is_odd = |c: char| c.is_control() && !c.is_whitespace() && c != '\u{1b}';
    (!text.contains(is_odd)).then_some(text)
}

/// The longest text in which dumps, digits, base64 and listings are looked for, in bytes: a few messages, not a log of a year.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// The text of bytes, if it is short enough to be read many times; as [`utf_8`].
pub(super) fn short(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > MAX_TEXT_BYTES { None } else { utf_8(bytes) }
}

/// A text in another encoding, or after a byte order mark, in UTF-8.
pub(super) fn in_utf_8(bytes: &[u8], budget: &mut Budget) -> Reading {
    let form = match bytes {
        [0xef, 0xbb, 0xbf, ..] => "text after a byte order mark",
        [_, 0, ..] | [0, _, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "text in UTF-16",
        _ => return Reading::No,
    };
    let Some(text) = text(bytes) else { return Reading::No };
    if text.as_bytes() == bytes || !budget.take_bytes(text.len()) {
        return Reading::No;
    }
    Reading::Parts(vec![Part::encoded(form, text.into_bytes())])
}

/// What a server answers as a text: its capabilities, or a web page.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(text) = utf_8(bytes) else { return Reading::No };
    let form = match Recognised::of(bytes) {
        Recognised::WebPage(_) => "web page",
        _ if names_capability(text) => "text with a capability of SCEP in each line",
        _ => return Reading::No,
    };
    if !budget.take_bytes(bytes.len()) {
        return Reading::No;
    }
    Reading::Parts(vec![Part::found(form, Content::Bytes(bytes.to_vec()))])
}

/// True for a short text of short lines, one of which is a capability.
fn names_capability(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_short = text.len() <= 4096 && lines.clone().all(|line| line.len() <= 64);
    is_short && lines.any(|line| Capability::from_keyword(line).is_some())
}

/// Counts the lines of bytes on from the last place that was asked for.
pub(super) struct LineCounter<'a> {
    bytes: &'a [u8],
    place: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0, line: 1 }
    }

    /// The number of the line that a place is in, from 1. A place before the last one is counted from the beginning.
    pub(super) fn line_at(&mut self, place: usize) -> usize {
        let place = place.min(self.bytes.len());
        if place < self.place {
            *self = Self::of(self.bytes);
        }
        let between = &self.bytes[self.place..place];
        self.line += between.split(|byte| *byte == b'\n').count() - 1;
        self.place = place;
        self.line
    }
}

/// A line's number and its text.
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) text: &'a str,
}

/// The lines of a text, without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    (1..).zip(text.lines()).map(|(number, text)| Line { number, text })
}
