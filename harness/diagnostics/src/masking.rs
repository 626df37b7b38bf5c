//! Masks secrets in diagnostics, which quote files.

use redact::{Marked, Masker};

use super::{Diagnostic, Excerpt, Location, SHOWN};

/// The mark on both sides of a quotation from a file.
pub const QUOTE: &str = "`";

impl Excerpt {
    /// Masks secrets; the carets stay below their place.
    #[must_use]
    pub fn masked(&self, masker: &Masker) -> Self {
        // A long line was cut before the search for secrets.
        let is_cut = self.text.chars().count() >= SHOWN;
        self.marked(|line| if is_cut { masker.mask_cut(line) } else { masker.mask(line) })
    }

    /// The excerpt with its line masked by `mask`.
    #[must_use]
    pub fn marked(&self, mask: impl FnOnce(&mut Marked)) -> Self {
        let (text, indent) = (self.text.clone(), self.indent);
        let byte = |chars| text.char_indices().nth(chars).map_or(text.len(), |(byte, _)| byte);
        let place = byte(indent)..byte(indent + self.width);
        let mut line = Marked { text, place };
        mask(&mut line);
        let indent = line.text[..line.place.start].chars().count();
        let width = line.text[line.place].chars().count().max(1);
        Self { text: line.text, indent, width, ..self.clone() }
    }
}

impl Diagnostic {
    /// Changes the excerpt, if there is one.
    #[must_use]
    pub fn with_excerpt(mut self, change: impl FnOnce(&Excerpt) -> Excerpt) -> Self {
        if let Location::Excerpt(excerpt) = &mut self.location {
            **excerpt = change(excerpt);
        }
        self
    }

    /// Masks secrets in several diagnostics. If `quotes_may_nest`, quoted text may contain backticks, so the end of a quotation is
    /// unknown.
    pub fn all_masked(found: Vec<Self>, masker: &Masker, quotes_may_nest: bool) -> Vec<Self> {
        found.into_iter().map(|one| one.masked(masker, quotes_may_nest)).collect()
    }

    pub(crate) fn masked(self, masker: &Masker, quotes_may_nest: bool) -> Self {
        let words = |words: &str| {
            if quotes_may_nest { masker.text(words) } else { masker.message(words) }
        };
        Self {
            message: words(&self.message),
            label: words(&self.label),
            notes: self.notes.iter().map(|note| words(note)).collect(),
            ..self.with_excerpt(|excerpt| excerpt.masked(masker))
        }
    }
}

#[cfg(test)]
mod tests {
    use redact::Secret;

    use super::*;
    use crate::Source;

    #[test]
    fn carets_stay_below_their_place() {
        let part = ("{static: a, a-b: \u{e9}}", "{static: ****, a-b: \u{e9}}");
        for (secret, text, place, masked, pointed) in [
            ("hunter2", "password: hunter2, x: 1", 19..20, "password: ****, x: 1", "x"),
            // The place is no boundary of a word.
            ("a", part.0, 12..13, part.1, "a"),
            ("a", part.0, 12..15, part.1, "a-b"),
            // A mask hides the length of a secret too.
            ("hunter2", "pw hunter2 x", 5..8, "pw **** x", "****"),
            ("hunter2", "pw hunter2 x", 0..12, "pw **** x", "pw **** x"),
            ("hunter2", "pw hunter2", 10..10, "pw ****", ""),
        ] {
            let source = Source::new("a", text.to_owned());
            let excerpt = source.place(place.start, place.end).excerpt();
            let excerpt = excerpt.masked(&Masker::new([Secret::new(secret)]));
            let below = excerpt.text.chars().skip(excerpt.indent).take(excerpt.width);
            assert_eq!((excerpt.text.as_str(), below.collect()), (masked, pointed.to_owned()));
        }
    }
}
