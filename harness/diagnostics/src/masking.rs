//! Masks secrets in diagnostics, which quote files.

use std::ops::Range;

use redact::{MASK, Marked, Masker, Secret, without_quotations};

use super::{Beside, Diagnostic, Excerpt, Location};

/// The mark on both sides of a quotation from a file.
pub const QUOTE: &str = "`";

/// The largest number of secrets that are searched for in mistakes. A search for more takes long to prepare, and a file may be made of
/// nothing else; then everything that is quoted from files is hidden.
pub(crate) const SEARCHED: usize = 250;

/// The most bytes of secrets that are searched for in mistakes. A value may be as long as a file, and each is searched for in many forms.
pub(crate) const SEARCHED_BYTES: usize = 32 * 1024;

/// The first of the secrets of files, as far as they are searched for in mistakes.
pub fn searched(secrets: &[Secret]) -> impl Iterator<Item = &Secret> {
    let lengths = secrets.iter().take(SEARCHED).scan(0, |bytes, secret| {
        *bytes += secret.expose().len();
        Some((*bytes, secret))
    });
    lengths.take_while(|(bytes, _)| *bytes <= SEARCHED_BYTES).map(|(_, secret)| secret)
}

/// True if the secrets of a masker are few enough to be searched for.
pub fn are_searched(masker: &Masker) -> bool {
    too_much(masker).is_none()
}

/// Why the secrets are not searched for; none if they are few enough.
fn too_much(masker: &Masker) -> Option<String> {
    if masker.count() > SEARCHED {
        return Some(format!("more than {SEARCHED} values may be secrets"));
    }
    let kibibytes = SEARCHED_BYTES / 1024;
    (masker.bytes() > SEARCHED_BYTES)
        .then(|| format!("the values that may be secrets have more than {kibibytes} KiB"))
}

impl Excerpt {
    /// Masks secrets; the carets stay below their place.
    #[must_use]
    pub fn masked(&self, masker: &Masker) -> Self {
        let Beside { before, after } = &self.beside;
        if before.is_empty() && after.is_empty() {
            return self.without(|line| masker.ranges(line));
        }
        let shown = before.len()..before.len() + self.text.len();
        self.without(|line| masker.ranges_with_part(line, shown))
    }

    /// The excerpt without some ranges of its line, which `hidden` finds; the same part of the line is shown.
    #[must_use]
    pub fn without(&self, hidden: impl FnOnce(&str) -> Vec<Range<usize>>) -> Self {
        let Beside { before, after } = &self.beside;
        let line = [before.as_str(), &self.text, after].concat();
        let byte = |chars| {
            let at = self.text.char_indices().nth(chars);
            before.len() + at.map_or(self.text.len(), |(byte, _)| byte)
        };
        let hidden = hidden(&line);
        let masked = |place| {
            let mut line = Marked { text: line.clone(), place };
            line.mask_ranges(&hidden);
            line
        };
        let place = byte(self.indent)..byte(self.indent + self.width);
        let Marked { text: line, place } = masked(place);
        let is_whole = before.is_empty() && after.is_empty();
        let shown = if is_whole { 0..line.len() } else { masked(byte(0)..byte(usize::MAX)).place };
        Self {
            text: line[shown.clone()].to_owned(),
            indent: line[shown.start..place.start].chars().count(),
            width: line[place].chars().count().max(1),
            beside: Beside {
                before: line[..shown.start].to_owned(),
                after: line[shown.end..].to_owned(),
            },
            ..self.clone()
        }
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
        if let Some(why) = too_much(masker) {
            return self.hidden(&why, quotes_may_nest);
        }
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

    /// The mistake without anything that it shows of files.
    fn hidden(self, why: &str, quotes_may_nest: bool) -> Self {
        let words = |words: &str| match words {
            "" => String::new(),
            _ if quotes_may_nest && words.contains(QUOTE) => MASK.to_owned(),
            _ => without_quotations(words),
        };
        let whole = |line: &str| std::iter::once(0..line.len()).collect();
        let why = format!("nothing of the text is shown, because {why}");
        let mut notes: Vec<String> = self.notes.iter().map(|note| words(note)).collect();
        if !notes.contains(&why) {
            notes.push(why);
        }
        Self {
            message: words(&self.message),
            label: words(&self.label),
            notes,
            ..self.with_excerpt(|excerpt| excerpt.without(whole))
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

    #[test]
    fn nothing_of_a_file_with_too_many_secrets_is_shown() {
        let text = format!("{}field: hunter22 {}", "x".repeat(500), "y".repeat(500));
        let place = Source::new("a", text).place(500, 505);
        let wrong = Diagnostic::at(&place, "unknown field `field` here").label("not `hunter22`?");
        let secrets = |count| (0..count).map(|number| Secret::new(format!("secret-{number}")));
        let few = wrong.clone().masked(&Masker::new(secrets(SEARCHED)), false);
        assert_eq!(few, wrong);
        let many = Masker::new(secrets(SEARCHED + 1));
        let hidden = wrong.masked(&many, false);
        assert_eq!(hidden.message, "unknown field `****` here");
        assert_eq!(hidden.label, "not `****`?");
        let Location::Excerpt(excerpt) = &hidden.location else { panic!("no excerpt") };
        assert_eq!((excerpt.text.as_str(), excerpt.column), ("****", 501));
        assert_eq!(excerpt.beside, Beside::default());
        let again = hidden.clone().masked(&many, true);
        assert_eq!(again.notes.len(), 1, "{again:?}");
    }

    #[test]
    fn nothing_of_a_file_with_too_long_secrets_is_shown() {
        let place = Source::new("a", "field: hunter22".to_owned()).place(0, 5);
        let wrong = Diagnostic::at(&place, "unknown field `field` here");
        let secrets = |length: usize| ["a".repeat(length / 2), "b".repeat(length / 2)];
        let few = Masker::new(secrets(SEARCHED_BYTES).map(Secret::new));
        assert_eq!(wrong.clone().masked(&few, false), wrong);
        let many = Masker::new(secrets(SEARCHED_BYTES + 2).map(Secret::new));
        let hidden = wrong.masked(&many, false);
        assert_eq!(hidden.message, "unknown field `****` here");
        let why = "nothing of the text is shown, because the values that may be secrets have more than 32 KiB";
        assert_eq!(hidden.notes, [why]);
    }

    #[test]
    fn as_many_secrets_are_searched_for_as_the_limits_allow() {
        let secrets = |length: usize| vec![Secret::new("x".repeat(length)); SEARCHED + 1];
        assert_eq!(searched(&secrets(1)).count(), SEARCHED);
        assert_eq!(searched(&secrets(SEARCHED_BYTES / 2)).count(), 2);
        assert_eq!(searched(&secrets(SEARCHED_BYTES + 1)).count(), 0);
    }

    #[test]
    fn secret_that_a_long_excerpt_cuts_is_masked() {
        let (encoded, long) = ("aHVudGVyMjI", "x".repeat(90));
        for (text, at) in [
            (format!("{}{encoded} {} HERE {long}", "-".repeat(90), "y".repeat(54)), "HERE"),
            (format!("HERE {long} {} {encoded} {long}", "y".repeat(58)), "HERE"),
        ] {
            let at = text.find(at).unwrap();
            let source = Source::new("a", text.clone());
            let excerpt = source.place(at, at + 4).excerpt();
            assert!(!excerpt.text.contains(encoded) && excerpt.text.contains("HERE"), "{text}");
            let masked = excerpt.masked(&Masker::new([Secret::new("hunter22")]));
            let cut = masked.text.replace(MASK, "");
            assert!(masked.text.len() > cut.len(), "{}", masked.text);
            assert!(cut.trim_matches(' ').chars().all(|c| "HERExy ".contains(c)), "{cut}");
            let below: String =
                masked.text.chars().skip(masked.indent).take(masked.width).collect();
            assert_eq!(below, "HERE");
        }
    }
}
