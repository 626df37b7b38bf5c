//! Searches a view for many byte strings at once.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Found;
use super::heads::Heads;
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
    needles: Vec<Needle>,
    /// The beginnings of the needles. Without one of them in a view, the automaton is not needed.
    heads: Heads,
    /// Length of the longest needle in bytes.
    longest: usize,
    /// Made when it is first needed, because that takes longer than most searches. None if there is nothing to search for.
    built: OnceLock<Option<AhoCorasick>>,
}

impl Automaton {
    pub(crate) fn new(mut needles: Vec<Needle>) -> Self {
        needles.retain(|needle| !needle.bytes.is_empty());
        let longest = needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or_default();
        let heads = Heads::of(needles.iter().map(|needle| needle.bytes.as_slice()));
        Self { needles, heads, longest, built: OnceLock::new() }
    }

    /// Length of the longest needle in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// True if the automaton was needed.
    #[cfg(test)]
    pub(crate) fn is_built(&self) -> bool {
        self.built.get().is_some()
    }

    /// The places in the text of all needles in a view; `is_plain` if the view has no decoded escapes.
    pub(crate) fn found(&self, view: &View, is_plain: bool) -> Vec<Found> {
        let found = self.matches(&view.bytes, is_plain).map(|(needle, range)| Found {
            range: view.range(&needle.whole(&range, &view.bytes)),
            may_be_a_word: needle.may_be_a_word,
        });
        found.collect()
    }

    /// True if a needle is in a view.
    pub(crate) fn is_in<O>(&self, view: &View<O>, is_plain: bool) -> bool {
        self.matches(&view.bytes, is_plain).next().is_some()
    }

    /// The needles that are found, and where.
    fn matches(
        &self,
        bytes: &[u8],
        is_plain: bool,
    ) -> impl Iterator<Item = (&Needle, Range<usize>)> {
        let automaton = self.heads.are_in(bytes).then(|| self.automaton()).flatten();
        let matches = automaton.into_iter().flat_map(move |it| it.find_overlapping_iter(bytes));
        matches.filter_map(move |found| {
            let needle = self.needles.get(found.pattern().as_usize())?;
            needle.is_at(&found.range(), bytes, is_plain).then(|| (needle, found.range()))
        })
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        let build = || {
            // A DFA would search faster, but building it takes longer than all searches of a scenario.
            let mut builder = AhoCorasick::builder();
            builder.kind(Some(AhoCorasickKind::ContiguousNFA)).ascii_case_insensitive(true);
            // The case is compared where it matters. The only error is of more needles than memory can hold.
            let built = builder.build(self.needles.iter().map(|needle| needle.bytes.as_slice()));
            built.ok().filter(|_| !self.needles.is_empty())
        };
        self.built.get_or_init(build).as_ref()
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
