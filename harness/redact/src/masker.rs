//! Replaces secrets with a mask, also in a text with a marked place, which stays marked.

mod marked;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use scep::secret::Secret;

pub use self::marked::Marked;
use crate::search::{Cut, Found, Search};
use crate::{credentials, message, private_key};

/// Replaces secrets with a mask, in all forms in which a program or a server may print them. Private keys, passwords in URLs and
/// credentials of HTTP are masked without being known.
#[derive(Clone, Default)]
pub struct Masker {
    /// Without duplicates and without empty ones.
    secrets: Vec<Secret>,
    /// Made when it is first needed.
    search: Arc<OnceLock<Search>>,
    /// True if all of a text is masked.
    hides_all: bool,
}

impl Masker {
    /// Masks these secrets. Empty ones are ignored.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut secrets: Vec<Secret> = secrets.into_iter().collect();
        secrets.retain(|secret| !secret.expose().is_empty());
        secrets.sort_by(|a, b| a.expose().cmp(b.expose()));
        // A comparison in constant time, which takes much longer, is for what a peer sent.
        secrets.dedup_by(|a, b| a.expose() == b.expose());
        Self { secrets, search: Arc::default(), hides_all: false }
    }

    /// Masks each text as a whole: for secrets that are too many to be searched for.
    pub fn of_everything() -> Self {
        Self { hides_all: true, ..Self::default() }
    }

    /// Number of different secrets.
    pub fn count(&self) -> usize {
        self.secrets.len()
    }

    /// Length of all secrets together in bytes, which decides how long it takes to prepare the search.
    pub fn bytes(&self) -> usize {
        self.secrets.iter().map(|secret| secret.expose().len()).sum()
    }

    /// Also masks more secrets. If it knows them all, nothing is prepared anew.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = Secret>) -> Self {
        let masker = Self::new(self.secrets.iter().cloned().chain(more));
        let masker = Self { hides_all: self.hides_all, ..masker };
        if masker.count() == self.count() { self.clone() } else { masker }
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut marked = Marked::unmarked(text);
        self.mask(&mut marked);
        marked.text
    }

    /// The text without secrets, and without parts of secrets at its ends.
    pub fn cut_text(&self, text: &str) -> String {
        let mut marked = Marked::unmarked(text);
        self.mask_cut(&mut marked);
        marked.text
    }

    /// A message of our own without secrets. Only what it quotes in backticks may have a secret that is a common word; elsewhere such
    /// a word is one of the message.
    pub fn message(&self, message: &str) -> String {
        self.in_quotes(message, &message::quoted(message))
    }

    /// The same for several lines of our output.
    pub fn output(&self, lines: &str) -> String {
        self.in_quotes(lines, &message::quoted_in_lines(lines))
    }

    fn in_quotes(&self, message: &str, quoted: &[Range<usize>]) -> String {
        let is_in_quotes = |range: &Range<usize>| {
            quoted.iter().any(|quoted| quoted.start <= range.start && range.end <= quoted.end)
        };
        let found = self.found(message).into_iter();
        let meant = found.filter(|it| !it.may_be_a_word || is_in_quotes(&it.range));
        let mut marked = Marked::unmarked(message);
        marked.mask_ranges(&meant.map(|it| it.range).collect::<Vec<_>>());
        marked.text
    }

    /// Lines without secrets, also without those that are broken by the end of a line.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        let one_line = |line: &String| line.replace('\n', "\\n");
        let text = lines.iter().map(one_line).collect::<Vec<_>>().join("\n");
        self.text(&text).split('\n').take(lines.len()).map(str::to_owned).collect()
    }

    fn mask(&self, marked: &mut Marked) {
        marked.mask_ranges(&self.ranges(&marked.text));
    }

    /// Masks the secrets in a text with a marked place, and parts of secrets at its ends.
    pub fn mask_cut(&self, marked: &mut Marked) {
        let mut ranges = self.ranges(&marked.text);
        ranges.extend(self.search().cut(&marked.text, Cut::BothEnds));
        marked.mask_ranges(&ranges);
    }

    /// The places of all secrets in a text, in no order, and in a part of it also what would be found if it were all of the text, cut at
    /// its ends: what is beside a form, such as further dumps, may keep the search from finding it.
    pub fn ranges_with_part(&self, text: &str, part: Range<usize>) -> Vec<Range<usize>> {
        let mut ranges = self.ranges(text);
        let shown = &text[part.clone()];
        let within = self.ranges(shown).into_iter().chain(self.search().cut(shown, Cut::BothEnds));
        ranges.extend(within.map(|range| range.start + part.start..range.end + part.start));
        ranges
    }

    /// The places of all secrets in a text, in no order; they may overlap.
    pub fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        self.found(text).into_iter().map(|found| found.range).collect()
    }

    /// The places at the end of a text at which a secret may begin that goes on in the next line: at least four characters of it.
    pub(crate) fn begun(&self, text: &str) -> Vec<Range<usize>> {
        self.search().cut(text, Cut::End)
    }

    /// The places at the end of a text with at least half of a secret.
    pub(crate) fn torn(&self, text: &str) -> Vec<Range<usize>> {
        self.search().cut(text, Cut::LineEnd)
    }

    /// Length of the longest form of a secret in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.search().longest()
    }

    fn found(&self, text: &str) -> Vec<Found> {
        if self.hides_all {
            let range = 0..text.len();
            return vec![Found { range, may_be_a_word: false }];
        }
        let mut found = self.search().found(text);
        if found.iter().any(|found| found.may_be_a_word) {
            let own = message::own_phrases(text);
            let is_own = |range: &Range<usize>| {
                own.iter().any(|own| own.start <= range.start && range.end <= own.end)
            };
            found.retain(|found| !found.may_be_a_word || !is_own(&found.range));
        }
        let unknown = credentials::found(text).chain(private_key::found(text));
        found.extend(unknown.map(|range| Found { range, may_be_a_word: false }));
        found
    }

    fn search(&self) -> &Search {
        self.search.get_or_init(|| Search::new(&self.secrets))
    }
}

/// A message of our own without what it quotes in backticks.
pub fn without_quotations(message: &str) -> String {
    let mut marked = Marked::unmarked(message);
    marked.mask_ranges(&message::quoted(message));
    marked.text
}

impl fmt::Debug for Masker {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
