//! Masks an output line by line, also secrets that are broken by line ends.

use std::ops::Range;

use crate::masker::{Marked, Masker};

/// The most of the lines before that is kept, in bytes.
const KEPT: usize = 4096;

/// The most lines that are held back.
const HELD: usize = 64;

/// A line of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLine {
    /// The text without its line end.
    pub text: String,
    /// True if the end of the line is missing.
    pub is_cut: bool,
}

/// The lines of an output as far as a secret may have begun in them. A line at whose end a secret may have begun is held back until the
/// next lines show if it goes on there.
#[derive(Debug, Clone, Default)]
pub struct LinesBefore {
    /// The lines before, as far as a secret that ends in a later line may have begun in them.
    text: String,
    held: Vec<OutputLine>,
    last: Option<Last>,
}

/// The last line in its two forms, as it came and without secrets. A program that floods its output often repeats a line, and then
/// this saves the search.
#[derive(Debug, Clone, PartialEq)]
struct Last {
    before: String,
    line: OutputLine,
    clean: OutputLine,
}

impl LinesBefore {
    /// Takes the next line; returns the lines that are ready, without secrets.
    pub fn masked(&mut self, masker: &Masker, line: OutputLine) -> Vec<OutputLine> {
        let is_same = |last: &&Last| last.line == line && last.before == self.text;
        if let Some(last) = self.last.as_ref().filter(is_same).filter(|_| self.held.is_empty()) {
            let clean = last.clean.clone();
            self.keep(&[&self.text, line.text.as_str()].concat(), masker);
            return vec![clean];
        }
        let is_cut = line.is_cut;
        self.held.push(line);
        let begun = masker.begun(&self.whole());
        let count = self.ready(&begun);
        let is_alone = count == 1 && self.held.len() == 1;
        let before = is_alone.then(|| (self.text.clone(), self.held[0].clone()));
        let ready = self.released(masker, count, if is_cut { &begun } else { &[] });
        self.last = before.zip(ready.first().cloned()).map(|((before, line), clean)| Last {
            before,
            line,
            clean,
        });
        ready
    }

    /// The lines that were held back, because no further line comes. If half of a secret is at their end, it is masked.
    pub fn finish(&mut self, masker: &Masker) -> Vec<OutputLine> {
        let torn = masker.torn(&self.whole());
        self.released(masker, self.held.len(), &torn)
    }

    /// The lines that are held back, as far as they can be shown before the next one comes.
    pub fn waiting(&self, masker: &Masker) -> Vec<OutputLine> {
        let begun = masker.begun(&self.whole());
        self.clone().released(masker, self.held.len(), &begun)
    }

    /// Number of lines that need not be held back; these parts of secrets are at their end.
    fn ready(&self, begun: &[Range<usize>]) -> usize {
        let length: usize = self.held.iter().map(|line| line.text.len()).sum();
        let is_cut = self.held.last().is_some_and(|line| line.is_cut);
        if is_cut || length > KEPT || self.held.len() > HELD {
            return self.held.len();
        }
        let Some(begun) = begun.iter().map(|range| range.start).min() else {
            return self.held.len();
        };
        let ends = self.held.iter().scan(self.text.len(), |end, line| {
            *end += line.text.len() + 1;
            Some(*end)
        });
        ends.take_while(|end| *end <= begun).count()
    }

    fn whole(&self) -> String {
        let lines: Vec<&str> = self.held.iter().map(|line| line.text.as_str()).collect();
        [&self.text, lines.join("\n").as_str()].concat()
    }

    /// Takes these lines from those that are held back, and masks the secrets in them and these ranges.
    fn released(
        &mut self,
        masker: &Masker,
        count: usize,
        torn: &[Range<usize>],
    ) -> Vec<OutputLine> {
        if count == 0 {
            return Vec::new();
        }
        let whole = self.whole();
        let mut ranges = masker.ranges(&whole);
        ranges.extend_from_slice(torn);
        let mut start = self.text.len();
        let lines: Vec<OutputLine> = self.held.drain(..count).collect();
        let mut clean = Vec::new();
        for line in lines {
            let end = start + line.text.len();
            let mut marked = Marked { text: line.text, place: 0..0 };
            marked.mask_ranges(&within(&ranges, &(start..end)));
            if line.is_cut {
                masker.mask_cut(&mut marked);
            }
            clean.push(OutputLine { text: marked.text, is_cut: line.is_cut });
            start = end + 1;
        }
        self.keep(&whole[..start - 1], masker);
        clean
    }

    /// Keeps the end of the text. A form with separators or escapes may be several times as long as the form that is searched for.
    fn keep(&mut self, whole: &str, masker: &Masker) {
        let length = (masker.longest() * 4).min(KEPT);
        let from = whole.len().saturating_sub(length);
        let from = (from..=whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap_or_default();
        self.text = [&whole[from..], "\n"].concat();
    }
}

/// The parts of ranges within a line, counted from its beginning.
fn within(ranges: &[Range<usize>], line: &Range<usize>) -> Vec<Range<usize>> {
    let parts = ranges.iter().map(|range| range.start.max(line.start)..range.end.min(line.end));
    let parts = parts.filter(|part| part.start < part.end);
    parts.map(|part| part.start - line.start..part.end - line.start).collect()
}

#[cfg(test)]
mod tests {
    use scep::secret::Secret;

    use super::*;

    fn line(text: &str) -> OutputLine {
        OutputLine { text: text.to_owned(), is_cut: false }
    }

    /// What comes of each line at once, and at last of the end.
    fn masked(secret: &str, lines: &[&str]) -> Vec<Vec<String>> {
        let masker = Masker::new([Secret::new(secret)]);
        let mut before = LinesBefore::default();
        let mut all: Vec<_> = lines.iter().map(|text| before.masked(&masker, line(text))).collect();
        all.push(before.finish(&masker));
        let texts = |ready: Vec<OutputLine>| ready.into_iter().map(|line| line.text).collect();
        all.into_iter().map(texts).collect()
    }

    #[test]
    fn secret_that_is_broken_by_line_ends_is_masked() {
        let flat = |lines: &[&str]| masked("correct-horse", lines).concat();
        assert_eq!(flat(&["a correct-", "horse b", "horse"]), ["a ****", "**** b", "horse"]);
        assert_eq!(flat(&["corr", "ect-", "horse", "b"]), ["****", "****", "****", "b"]);
        assert_eq!(flat(&["co", "rrect-", "horse"])[1..], ["****", "****"]);
        assert_eq!(flat(&["Y29ycmVjdC", "1ob3JzZQ=="]), ["****", "****"]);
        assert_eq!(flat(&["Y29y", "cmVjdC", "", "1ob3JzZQ=="]), ["****", "****", "", "****"]);
        let repeated = ["hunter22", "y", "y", "hunter22", "hunter22", "y"];
        let shown = ["****", "y", "y", "****", "****", "y"];
        assert_eq!(masked("hunter22", &repeated).concat(), shown);
    }

    #[test]
    fn line_with_the_beginning_of_a_secret_waits_for_the_next() {
        let steps = masked("correct-horse", &["x", "a corr", "", "and so on", "correct-"]);
        let expected: [&[&str]; 6] =
            [&["x"], &[], &[], &["a corr", "", "and so on"], &[], &["****"]];
        assert_eq!(steps, expected);
        let many = [&["corr"][..], &[""; 200], &["ect-horse"]].concat();
        let steps = masked("correct-horse", &many);
        assert_eq!(steps[64].len(), 65, "lines are not held back for ever");
    }

    #[test]
    fn cut_line_is_not_held_back() {
        let masker = Masker::new([Secret::new("correct-horse")]);
        let cut = OutputLine { text: "a correct".to_owned(), is_cut: true };
        let clean = LinesBefore::default().masked(&masker, cut);
        assert_eq!(clean, [OutputLine { text: "a ****".to_owned(), is_cut: true }]);
    }
}
