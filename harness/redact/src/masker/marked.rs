//! A text with a marked place that stays marked when parts of the text are masked.

use std::ops::Range;

use scep::secret::MASK;

/// A text with a marked range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The text.
    pub text: String,
    /// The marked range.
    pub place: Range<usize>,
}

impl Marked {
    /// A text without a marked place.
    pub(super) fn unmarked(text: &str) -> Self {
        Self { text: text.to_owned(), place: 0..0 }
    }

    /// Masks ranges of bytes. Ranges that overlap or touch, also a mask that is in the text already, become one mask. Line ends are
    /// kept.
    pub fn mask_ranges(&mut self, ranges: &[Range<usize>]) {
        let ranges = joined(ranges, &self.text);
        if ranges.is_empty() {
            return;
        }
        let mut masked = String::with_capacity(self.text.len());
        let mut rest = 0;
        for range in &ranges {
            masked.push_str(&self.text[rest..range.start]);
            masked.push_str(MASK);
            rest = range.end;
        }
        masked.push_str(&self.text[rest..]);
        let start = moved(self.place.start, &ranges, 0);
        self.place = start..moved(self.place.end, &ranges, MASK.len()).max(start);
        self.text = masked;
    }
}

/// The ranges in ascending order, those that overlap or touch joined; those that show nothing but stars are left out.
fn joined(ranges: &[Range<usize>], text: &str) -> Vec<Range<usize>> {
    let is_star = |byte: &u8| *byte == MASK.as_bytes()[0];
    let hides = |range: &Range<usize>| !text.as_bytes()[range.clone()].iter().all(is_star);
    let mut all: Vec<_> =
        ranges.iter().flat_map(|range| in_lines(range, text)).filter(hides).collect();
    if all.is_empty() {
        return all;
    }
    all.extend(text.match_indices(MASK).map(|(at, mask)| at..at + mask.len()));
    all.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in all {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    // A mask that touches no secret stays as it is, such as the longer one of a device.
    joined.retain(hides);
    joined
}

/// The parts of a range in each of its lines, without the blanks around them.
fn in_lines(range: &Range<usize>, text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    text[range.clone()].split('\n').filter_map(move |part| {
        let start = at + part.len() - part.trim_start().len();
        at += part.len() + 1;
        let end = start + part.trim().len();
        (start < end).then_some(start..end)
    })
}

/// New offset of a byte. A byte inside a masked range moves to offset `into` of the mask.
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
