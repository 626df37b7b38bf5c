//! A text as bytes to search in: as it is, with its escapes decoded, or without what a reader does not see. Each byte knows the
//! range of the text that it was read from, so that a place that is found there is known in the text. A view that only answers if
//! something is in it keeps no ranges, which is much less work.

pub(crate) mod escape;
mod hidden;
mod origin;
mod shape;

use std::ops::Range;

use self::escape::Decoder;
pub(crate) use self::origin::Origin;
pub(crate) use self::shape::spellings;

/// A byte between two parts of a view that do not belong together. It is in no text (RFC 3629), and no reader leaves it out.
pub(crate) const BREAK: u8 = 0xff;

/// The longest half of an escape at an end of a text that was cut, in bytes.
const LONGEST_HALF: usize = 8;

/// The bytes of a text, each with the range of the text that it was read from, if that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct View<O = (usize, usize)> {
    pub(crate) bytes: Vec<u8>,
    origins: Vec<O>,
}

impl View {
    /// The range of the text for a range of bytes, which is not empty.
    pub(crate) fn range(&self, found: &Range<usize>) -> Range<usize> {
        let (start, end) = self.origin(found);
        start..end
    }

    /// The parts that reach the end of a text of this length, each also without its last byte, which may be half of one.
    pub(crate) fn last_parts(&self, length: usize) -> Vec<Self> {
        self.parts(
            |part| part.origins.last().is_some_and(|last| last.1 >= length),
            |part| {
                part.truncate(part.bytes.len().saturating_sub(1));
            },
        )
    }

    /// The parts that begin at the beginning of the text, each also without its first byte.
    pub(crate) fn first_parts(&self) -> Vec<Self> {
        self.parts(
            |part| part.origins.first().is_some_and(|first| first.0 == 0),
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
}

impl<O: Origin> View<O> {
    /// The text as it is. All bytes of a character have the range of the whole character.
    pub(crate) fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::of_bytes(text.as_bytes());
        }
        let mut view = Self::default();
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            view.extend(&text.as_bytes()[at..end], O::of(at, end));
        }
        view
    }

    /// Bytes that are the text themselves.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let origins = (0..bytes.len()).map(|at| O::of(at, at + 1)).collect();
        Self { bytes: bytes.to_vec(), origins }
    }

    /// Where a range of bytes was read from.
    pub(crate) fn origin(&self, of: &Range<usize>) -> O {
        let at = |index: usize| self.origins.get(index).copied().unwrap_or_default();
        O::joined(at(of.start), at(of.end.saturating_sub(1)))
    }

    /// The view with its escapes decoded by the first of these decoders that knows them; none if there is no escape.
    pub(crate) fn decoded(&self, decoders: &[Decoder]) -> Option<Self> {
        let escape_from = |from: usize| {
            let begins = |(_, byte): &(usize, &u8)| escape::begins_with(**byte);
            let begun = self.bytes.iter().enumerate().skip(from).filter(begins);
            let mut escapes = begun.filter_map(|(at, _)| {
                let read = |decode: &Decoder| decode(&self.bytes[at..]);
                Some((at, decoders.iter().find_map(read)?))
            });
            escapes.next()
        };
        let mut next = escape_from(0);
        next.as_ref()?;
        let mut view = Self::default();
        let mut rest = 0;
        while let Some((at, escape)) = next {
            view.extend_from(self, rest..at);
            rest = at + escape.length;
            view.extend(&escape.bytes, self.origin(&(at..rest)));
            next = escape_from(rest);
        }
        view.extend_from(self, rest..self.bytes.len());
        Some(view)
    }

    /// The view without sequences that control a terminal; none if there is none.
    pub(crate) fn without_terminal_sequences(&self) -> Option<Self> {
        if !self.bytes.contains(&0x1b) {
            return None;
        }
        Some(self.without(hidden::terminal_sequence))
    }

    /// The view without terminal sequences, control characters, white space, and characters that are not seen.
    pub(crate) fn squeezed(&self) -> Self {
        self.without(hidden::hidden)
    }

    /// The view without the parts whose length at the beginning of some bytes `length` tells. A visible character of ASCII begins none.
    fn without(&self, length: impl Fn(&[u8]) -> usize) -> Self {
        let mut view = Self::default();
        let mut rest = 0;
        while rest < self.bytes.len() {
            let kept =
                |at: &usize| self.bytes[*at].is_ascii_graphic() || length(&self.bytes[*at..]) == 0;
            let end = (rest..self.bytes.len()).find(|at| !kept(at)).unwrap_or(self.bytes.len());
            view.extend_from(self, rest..end);
            rest = end + length(&self.bytes[end..]).max(1);
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
                view.extend(shape::usual(character).as_bytes(), self.origin(&(at..end)));
                at = end;
            }
            for byte in chunk.invalid() {
                view.push(*byte, self.origins[at]);
                at += 1;
            }
        }
        (view.bytes != self.bytes).then_some(view)
    }

    /// The view with each byte replaced by `replace`, or left out.
    pub(crate) fn mapped(&self, mut replace: impl FnMut(u8, &mut Self) -> Option<u8>) -> Self {
        let mut view = Self::default();
        for (byte, origin) in self.bytes.iter().zip(&self.origins) {
            if let Some(byte) = replace(*byte, &mut view) {
                view.push(byte, *origin);
            }
        }
        view
    }

    /// Removes the last byte.
    pub(crate) fn pop(&mut self) {
        self.bytes.pop();
        self.origins.pop();
    }

    /// Removes all bytes from an offset on.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.origins.truncate(length);
    }

    /// The bytes from one offset up to another.
    fn between(&self, start: usize, end: usize) -> Self {
        let start = start.min(end);
        Self { bytes: self.bytes[start..end].to_vec(), origins: self.origins[start..end].to_vec() }
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
        if let Some(origin) =
            self.origins.last().copied().filter(|_| self.bytes.last() != Some(&BREAK))
        {
            self.push(BREAK, origin);
        }
    }

    /// Adds the bytes of another view of the same text.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.bytes.append(&mut other.bytes);
        self.origins.append(&mut other.origins);
    }

    /// Adds a byte that was read from there.
    pub(crate) fn push(&mut self, byte: u8, origin: O) {
        self.bytes.push(byte);
        self.origins.push(origin);
    }

    fn extend(&mut self, bytes: &[u8], origin: O) {
        self.bytes.extend_from_slice(bytes);
        self.origins.resize(self.bytes.len(), origin);
    }

    /// Adds a part of another view of the same text.
    fn extend_from(&mut self, other: &Self, part: Range<usize>) {
        self.bytes.extend_from_slice(&other.bytes[part.clone()]);
        self.origins.extend_from_slice(&other.origins[part]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_decoded_view_are_known_in_the_text() {
        let text = "é=%C3%A9&x";
        let view = View::<(usize, usize)>::of(text).decoded(&[escape::percent]).unwrap();
        assert_eq!(view.bytes, "é=é&x".as_bytes());
        assert_eq!(&text[view.range(&(3..5))], "%C3%A9");
        assert_eq!(&text[view.range(&(0..1))], "é");
        assert!(View::<()>::of("100% of x").decoded(&[escape::percent]).is_none());
    }

    #[test]
    fn squeezed_view_has_no_colours_blanks_and_invisible_characters() {
        let text = "a\x1b[31mb\r\n  c\u{200b}d\u{202e}\0e\u{9b}1";
        let view: View = View::of(text).squeezed();
        assert_eq!(view.bytes, b"abcde1");
        assert_eq!(&text[view.range(&(1..3))], "b\r\n  c");
    }
}
