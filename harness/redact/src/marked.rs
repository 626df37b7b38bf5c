//! A text in which a place is marked, and stays marked whatever is masked before it, after it or in it.

use std::ops::Range;

use scep::secret::MASK;

/// The longest secret that is masked only where it stands alone: `a` is part of every second word.
pub(crate) const SHORT: usize = 3;

/// A text and the bytes of a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The text.
    pub text: String,
    /// The range of bytes that is marked.
    pub place: Range<usize>,
}

impl Marked {
    /// A text in which no place is marked.
    pub(crate) fn nowhere(text: &str) -> Self {
        Self { text: text.to_owned(), place: 0..0 }
    }

    /// Masks a secret wherever it stands, a short one where it stands alone.
    pub(crate) fn mask(&mut self, secret: &str) {
        let is_short = secret.chars().count() <= SHORT;
        let found = self.text.match_indices(secret).map(|(at, found)| at..at + found.len());
        let meant = found.filter(|range| !is_short || self.stands_alone(range));
        let meant: Vec<_> = meant.collect();
        self.mask_ranges(&meant);
    }

    /// Masks ranges of bytes that do not overlap, in their order.
    pub fn mask_ranges(&mut self, ranges: &[Range<usize>]) {
        if ranges.is_empty() {
            return;
        }
        let mut masked = String::with_capacity(self.text.len());
        let mut rest = 0;
        for range in ranges {
            masked.push_str(&self.text[rest..range.start]);
            masked.push_str(MASK);
            rest = range.end;
        }
        masked.push_str(&self.text[rest..]);
        let start = moved(self.place.start, ranges, 0);
        self.place = start..moved(self.place.end, ranges, MASK.len()).max(start);
        self.text = masked;
    }

    fn stands_alone(&self, range: &Range<usize>) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        !self.text[..range.start].ends_with(word) && !self.text[range.end..].starts_with(word)
    }
}

/// Where a byte comes to lie; one that is masked lies so far in the mask.
fn moved(byte: usize, masked: &[Range<usize>], into: usize) -> usize {
    let before = masked.iter().filter(|range| range.end <= byte);
    let (count, bytes) =
        before.fold((0, 0), |(count, bytes), range| (count + 1, bytes + range.len()));
    let moved = |byte: usize| byte - bytes + count * MASK.len();
    match masked.iter().find(|range| range.start < byte && byte < range.end) {
        Some(range) => moved(range.start) + into,
        None => moved(byte),
    }
}
