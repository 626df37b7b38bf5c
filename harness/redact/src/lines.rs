//! Masks an output line by line, also secrets that are broken by line ends.

use std::ops::Range;

use crate::masker::{Marked, Masker};

/// The most of the lines before that is kept, in bytes.
const KEPT: usize = 4096;

/// The lines of an output as far as a secret may have begun in them.
#[derive(Debug, Clone, Default)]
pub struct LinesBefore {
    text: String,
    last: Option<Last>,
}

/// The last line and what came of it. A program that floods its output often repeats a line, and then this saves the search.
#[derive(Debug, Clone, PartialEq)]
struct Last {
    before: String,
    line: String,
    cut: bool,
    clean: String,
}

impl LinesBefore {
    /// The next line without secrets. If half of a secret is at its end, that is masked, too, because the next line may have the rest. If
    /// `cut`, its end is missing.
    pub fn masked(&mut self, masker: &Masker, line: &str, cut: bool) -> String {
        let is_same =
            |last: &&Last| last.cut == cut && last.line == line && last.before == self.text;
        if let Some(last) = self.last.as_ref().filter(is_same) {
            let clean = last.clean.clone();
            let whole = [&self.text, line].concat();
            self.keep(&whole, masker);
            return clean;
        }
        let before = self.text.clone();
        let clean = self.searched(masker, line, cut);
        self.last = Some(Last { before, line: line.to_owned(), cut, clean: clean.clone() });
        clean
    }

    fn searched(&mut self, masker: &Masker, line: &str, cut: bool) -> String {
        let start = self.text.len();
        let whole = [&self.text, line].concat();
        let mut ranges = masker.ranges(&whole);
        ranges.extend(masker.torn(&whole));
        let mut marked = Marked { text: line.to_owned(), place: 0..0 };
        marked.mask_ranges(&after(&ranges, start));
        if cut {
            masker.mask_cut(&mut marked);
        }
        self.keep(&whole, masker);
        marked.text
    }

    /// Keeps the end of the text. A form with separators or escapes may be several times as long as the form that is searched for.
    fn keep(&mut self, whole: &str, masker: &Masker) {
        let length = (masker.longest() * 4).min(KEPT);
        let from = whole.len().saturating_sub(length);
        let from = (from..=whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap_or_default();
        self.text = [&whole[from..], "\n"].concat();
    }
}

/// The parts of ranges after an offset, counted from there.
fn after(ranges: &[Range<usize>], start: usize) -> Vec<Range<usize>> {
    let later = ranges.iter().filter(|range| range.end > start);
    later.map(|range| range.start.saturating_sub(start)..range.end - start).collect()
}

#[cfg(test)]
mod tests {
    use scep::secret::Secret;

    use super::*;

    fn masked(secret: &str, lines: &[&str]) -> Vec<String> {
        let masker = Masker::new([Secret::new(secret)]);
        let mut before = LinesBefore::default();
        lines.iter().map(|line| before.masked(&masker, line, false)).collect()
    }

    #[test]
    fn secret_that_is_broken_by_line_ends_is_masked() {
        assert_eq!(
            masked("correct-horse", &["a correct-", "horse b", "horse"]),
            ["a ****", "**** b", "horse"]
        );
        assert_eq!(masked("correct-horse", &["co", "rrect-", "horse"])[1..], ["****", "****"]);
        assert_eq!(masked("correct-horse", &["co", "rr"]), ["co", "rr"]);
        let repeated = ["hunter22", "y", "y", "hunter22", "hunter22", "y"];
        assert_eq!(masked("hunter22", &repeated), ["****", "y", "y", "****", "****", "y"]);
        let base64 = ["Y29ycmVjdC", "1ob3JzZQ=="];
        assert_eq!(masked("correct-horse", &base64), ["****", "****"]);
    }
}
