//! A text as bytes to search in: as it is, with its escapes decoded, or without what a reader does not see. Each byte knows the
//! range of the text that it was read from, so that a place that is found there is known in the text.

pub(crate) mod escape;
mod hidden;
mod shape;

use std::ops::Range;

use self::escape::Decoder;
pub(crate) use self::shape::spellings;

/// A byte between two parts of a view that do not belong together. It is in no text (RFC 3629), and no reader leaves it out.
pub(crate) const BREAK: u8 = 0xff;

/// The longest half of an escape at an end of a text that was cut, in bytes.
const LONGEST_HALF: usize = 8;

/// The bytes of a text, each with its range in the text.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) bytes: Vec<u8>,
    ranges: Vec<(usize, usize)>,
}

impl View {
    /// The text as it is. All bytes of a character have the range of the whole character.
    pub(crate) fn of(text: &str) -> Self {
        let mut view = Self::default();
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            view.extend(&text.as_bytes()[at..end], (at, end));
        }
        view
    }

    /// Bytes that are the text themselves.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let ranges = (0..bytes.len()).map(|at| (at, at + 1)).collect();
        Self { bytes: bytes.to_vec(), ranges }
    }

    /// The range of the text for a range of bytes, which is not empty.
    pub(crate) fn range(&self, found: &Range<usize>) -> Range<usize> {
        let of = |index: usize| self.ranges.get(index).copied().unwrap_or_default();
        let start = of(found.start).0;
        start..of(found.end.saturating_sub(1)).1.max(start)
    }

    /// The view with its escapes decoded by the first of these decoders that knows them; none if there is no escape.
    pub(crate) fn decoded(&self, decoders: &[Decoder]) -> Option<Self> {
        let mut view = Self::default();
        let (mut at, mut has_escape) = (0, false);
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            if !escape::begins_with(rest[0]) {
                view.push(rest[0], self.ranges[at]);
                at += 1;
                continue;
            }
            let escape = decoders.iter().find_map(|decode| decode(rest));
            let length = escape.as_ref().map_or(1, |escape| escape.length);
            let range = self.range(&(at..at + length));
            match escape {
                Some(escape) => view.extend(&escape.bytes, (range.start, range.end)),
                None => view.extend(&rest[..1], (range.start, range.end)),
            }
            has_escape |= length > 1;
            at += length;
        }
        has_escape.then_some(view)
    }

    /// The view without sequences that control a terminal; none if there is none.
    pub(crate) fn without_terminal_sequences(&self) -> Option<Self> {
        if !self.bytes.contains(&0x1b) {
            return None;
        }
        let mut view = Self::default();
        let mut at = 0;
        while at < self.bytes.len() {
            match hidden::terminal_sequence(&self.bytes[at..]) {
                0 => {
                    view.push(self.bytes[at], self.ranges[at]);
                    at += 1;
                }
                length => at += length,
            }
        }
        Some(view)
    }

    /// The view without terminal sequences, control characters, white space, and characters that are not seen.
    pub(crate) fn squeezed(&self) -> Self {
        let mut view = Self::default();
        let mut at = 0;
        while at < self.bytes.len() {
            let length = hidden::hidden(&self.bytes[at..]);
            if length == 0 {
                view.push(self.bytes[at], self.ranges[at]);
            }
            at += length.max(1);
        }
        view
    }

    /// The view with its characters in their usual shape, such as those of full width; none if all are.
    pub(crate) fn in_usual_shape(&self) -> Option<Self> {
        if self.bytes.is_ascii() {
            return None;
        }
        let mut view = Self::default();
        let mut at = 0;
        for chunk in self.bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                let end = at + character.len_utf8();
                let range = self.range(&(at..end));
                view.extend(shape::usual(character).as_bytes(), (range.start, range.end));
                at = end;
            }
            for byte in chunk.invalid() {
                view.push(*byte, self.ranges[at]);
                at += 1;
            }
        }
        (view.bytes != self.bytes).then_some(view)
    }

    /// The view with each byte replaced by `replace`, or left out.
    pub(crate) fn mapped(&self, mut replace: impl FnMut(u8, &mut Self) -> Option<u8>) -> Self {
        let mut view = Self::default();
        for (byte, range) in self.bytes.iter().zip(&self.ranges) {
            if let Some(byte) = replace(*byte, &mut view) {
                view.push(byte, *range);
            }
        }
        view
    }

    /// Removes the last byte.
    pub(crate) fn pop(&mut self) {
        self.bytes.pop();
        self.ranges.pop();
    }

    /// Removes all bytes from an offset on.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.ranges.truncate(length);
    }

    /// The parts that reach the end of a text of this length, each also without its last byte, which may be half of one.
    pub(crate) fn last_parts(&self, length: usize) -> Vec<Self> {
        self.parts(
            |part| part.ranges.last().is_some_and(|last| last.1 >= length),
            |part| {
                part.truncate(part.bytes.len().saturating_sub(1));
            },
        )
    }

    /// The parts that begin at the beginning of the text, each also without its first byte.
    pub(crate) fn first_parts(&self) -> Vec<Self> {
        self.parts(
            |part| part.ranges.first().is_some_and(|first| first.0 == 0),
            |part| {
                *part = part.between(1, part.bytes.len());
            },
        )
    }

    fn parts(&self, is_meant: impl Fn(&Self) -> bool, shorten: impl Fn(&mut Self)) -> Vec<Self> {
        let mut start = 0;
        let mut parts = Vec::new();
        for bytes in self.bytes.split(|byte| *byte == BREAK) {
            let part = self.between(start, start + bytes.len());
            start += bytes.len() + 1;
            if is_meant(&part) {
                let mut rest = part.clone();
                shorten(&mut rest);
                parts.extend([part, rest]);
            }
        }
        parts
    }

    /// The bytes from one offset up to another.
    fn between(&self, start: usize, end: usize) -> Self {
        let start = start.min(end);
        Self { bytes: self.bytes[start..end].to_vec(), ranges: self.ranges[start..end].to_vec() }
    }

    /// The view without an escape at its end that may be half of one; none if it has none.
    pub(crate) fn without_last_escape(&self) -> Option<Self> {
        let from = self.bytes.len().saturating_sub(LONGEST_HALF);
        let at = self.bytes[from..].iter().rposition(|byte| escape::begins_with(*byte))?;
        Some(self.between(0, from + at))
    }

    /// The view without the half of an escape at its beginning; none if no escape is near.
    pub(crate) fn without_first_escape(&self) -> Option<Self> {
        let near = &self.bytes[..self.bytes.len().min(LONGEST_HALF)];
        let at = near.iter().position(|byte| escape::begins_with(*byte)).filter(|at| *at > 0)?;
        Some(self.between(at, self.bytes.len()))
    }

    /// Adds a break, unless nothing is before it.
    pub(crate) fn end_part(&mut self) {
        if let Some(range) =
            self.ranges.last().copied().filter(|_| self.bytes.last() != Some(&BREAK))
        {
            self.push(BREAK, range);
        }
    }

    /// Adds the bytes of another view of the same text.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.bytes.append(&mut other.bytes);
        self.ranges.append(&mut other.ranges);
    }

    /// Adds a byte that was read from a range of the text.
    pub(crate) fn push(&mut self, byte: u8, range: (usize, usize)) {
        self.bytes.push(byte);
        self.ranges.push(range);
    }

    fn extend(&mut self, bytes: &[u8], range: (usize, usize)) {
        self.bytes.extend_from_slice(bytes);
        self.ranges.resize(self.bytes.len(), range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_decoded_view_are_known_in_the_text() {
        let text = "é=%C3%A9&x";
        let view = View::of(text).decoded(&[escape::percent]).unwrap();
        assert_eq!(view.bytes, "é=é&x".as_bytes());
        assert_eq!(&text[view.range(&(3..5))], "%C3%A9");
        assert_eq!(&text[view.range(&(0..1))], "é");
        assert!(View::of("100% of x").decoded(&[escape::percent]).is_none());
    }

    #[test]
    fn squeezed_view_has_no_colours_blanks_and_invisible_characters() {
        let text = "a\x1b[31mb\r\n  c\u{200b}d\u{202e}\0e\u{9b}1";
        let view = View::of(text).squeezed();
        assert_eq!(view.bytes, b"abcde1");
        assert_eq!(&text[view.range(&(1..3))], "b\r\n  c");
    }
}
