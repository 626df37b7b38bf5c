//! Searches a view for many byte strings at once.

use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Found;
use crate::needle::{Needle, Place};
use crate::view::View;

/// How much of a secret must be at an end of a text to be taken for a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The text was cut: more than [`SHOWN_PART`] bytes of the secret, at both ends.
    BothEnds,
    /// The end of the text was cut: as much of the secret at the end.
    End,
    /// A line may go on in the next: at least half of the secret, at the end.
    LineEnd,
}

/// The longest part of a secret that may be shown where a text was cut, in bytes.
const SHOWN_PART: usize = 3;

/// The shortest part of a secret at the end of a line that is masked, in bytes.
const TORN_PART: usize = 6;

/// Byte strings, and the automaton that finds them.
#[derive(Default)]
pub(crate) struct Automaton {
    /// None if there is nothing to search for.
    automaton: Option<AhoCorasick>,
    needles: Vec<Needle>,
}

impl Automaton {
    pub(crate) fn new(mut needles: Vec<Needle>) -> Self {
        needles.retain(|needle| !needle.bytes.is_empty());
        // A DFA would search faster, but building it takes longer than all searches of a scenario.
        let mut builder = AhoCorasick::builder();
        builder.kind(Some(AhoCorasickKind::ContiguousNFA)).ascii_case_insensitive(true);
        // The case is compared where it matters. The only error is of more needles than memory can hold.
        let built = builder.build(needles.iter().map(|needle| needle.bytes.as_slice()));
        let automaton = built.ok().filter(|_| !needles.is_empty());
        Self { automaton, needles }
    }

    /// Length of the longest needle in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or_default()
    }

    /// The places in the text of all needles in a view; `is_plain` if the view has no decoded escapes.
    pub(crate) fn found(&self, view: &View, is_plain: bool) -> Vec<Found> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let matches = automaton.find_overlapping_iter(&view.bytes);
        let found = matches.filter_map(|found| {
            let needle = self.needles.get(found.pattern().as_usize())?;
            let is_meant = needle.is_at(&found.range(), &view.bytes, is_plain);
            let range = || view.range(&needle.whole(&found.range(), &view.bytes));
            let may_be_a_word = needle.may_be_a_word;
            is_meant.then(|| Found { range: range(), may_be_a_word })
        });
        found.collect()
    }

    /// The places of parts of needles at the ends of a view.
    pub(crate) fn cut(&self, view: &View, cut: Cut) -> Vec<Range<usize>> {
        let parts = self.needles.iter().flat_map(|needle| needle.parts(&view.bytes, cut));
        parts.map(|part| view.range(&part)).collect()
    }
}

impl fmt::Debug for Automaton {
    /// Shows no needle.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Automaton({})", self.needles.len())
    }
}

impl Needle {
    /// True if the match is the secret, and not a part of another word.
    fn is_at(&self, range: &Range<usize>, bytes: &[u8], is_plain: bool) -> bool {
        let has_case = self.place != Place::Anywhere;
        if has_case && bytes[range.clone()] != self.bytes || self.is_unescaped && !is_plain {
            return false;
        }
        let is_word =
            |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_-".contains(byte);
        let before = range.start.checked_sub(1).and_then(|at| bytes.get(at));
        // The letter after a backslash is that of an escape, or of an expression.
        let is_part = |byte: &u8| is_word(byte) || *byte == b'\\';
        self.place != Place::Word
            || !before.is_some_and(is_part) && !bytes.get(range.end).is_some_and(is_word)
    }

    /// The match with the digits of base64 that have a part of the secret, and the padding.
    fn whole(&self, range: &Range<usize>, bytes: &[u8]) -> Range<usize> {
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
        let before = bytes[..range.start].iter().rev().take_while(|byte| is_digit(byte));
        let after = bytes[range.end..].iter().take_while(|byte| is_digit(byte));
        let start = range.start - before.take(self.partial.0).count();
        let mut end = range.end + after.take(self.partial.1).count();
        if self.partial.1 > 0 {
            end += bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        }
        start..end
    }

    /// The longest beginning of the needle at the end of the text, and the longest end of it at the beginning.
    fn parts(&self, text: &[u8], cut: Cut) -> impl Iterator<Item = Range<usize>> {
        let (needle, length) = (self.bytes.as_slice(), text.len());
        let shortest = match cut {
            Cut::BothEnds | Cut::End => SHOWN_PART + 1,
            Cut::LineEnd => needle.len().div_ceil(2).max(TORN_PART),
        };
        let lengths = || (shortest..needle.len()).rev().filter(|part| *part <= length);
        let first = lengths().find(|part| self.is_part(&text[length - part..], &needle[..*part]));
        let last = lengths().find(|part| {
            cut == Cut::BothEnds && self.is_part(&text[..*part], &needle[needle.len() - part..])
        });
        let first = first.map(|part| length - part..length);
        first.into_iter().chain(last.map(|part| 0..part))
    }

    fn is_part(&self, text: &[u8], part: &[u8]) -> bool {
        if self.place == Place::Anywhere { text.eq_ignore_ascii_case(part) } else { text == part }
    }
}
