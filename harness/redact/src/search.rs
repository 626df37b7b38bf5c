//! Finds secrets in a text in all their forms. The work is linear in the length of the text: a fixed number of views of it, and an
//! automaton for each kind of view.

mod automaton;
mod dump;

use std::ops::Range;

use scep::secret::Secret;

use self::automaton::Automaton;
pub(crate) use self::automaton::Cut;
use crate::needle::Needles;
use crate::view::{View, escape};

/// How often escapes are decoded: JSON in a query in XML has three.
const PASSES: usize = 3;

/// The most marks of text that was left out which are looked at in one text.
const MARKS: usize = 8;

/// The place of a secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) range: Range<usize>,
    /// True if the secret may be a word or number of our own messages.
    pub(crate) may_be_a_word: bool,
}

/// The automata of some secrets.
#[derive(Default)]
pub(crate) struct Search {
    words: Automaton,
    clear: Automaton,
    squeezed: Automaton,
    base64: Automaton,
    hexadecimal: Automaton,
    has_blank: bool,
}

impl Search {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let Needles { words, clear, squeezed, base64, hexadecimal } = Needles::of(secrets);
        Self {
            words: Automaton::new(words),
            clear: Automaton::new(clear),
            squeezed: Automaton::new(squeezed),
            base64: Automaton::new(base64),
            hexadecimal: Automaton::new(hexadecimal),
            has_blank: secrets.iter().any(|secret| secret.expose().contains(' ')),
        }
    }

    /// Length of the longest form in bytes.
    pub(crate) fn longest(&self) -> usize {
        let all = [&self.clear, &self.squeezed, &self.base64, &self.hexadecimal];
        all.into_iter().map(Automaton::longest).max().unwrap_or_default()
    }

    /// The places of all secrets in a text, in no order; they may overlap.
    pub(crate) fn found(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        if self.longest() == 0 && self.words.longest() == 0 {
            return found;
        }
        for (view, is_plain) in self.views(text) {
            for (automaton, view) in self.searched(&view) {
                found.extend(automaton.found(&view, is_plain));
            }
        }
        // Words and numbers with blanks between them are others.
        found.retain(|it| !it.may_be_a_word || !has_blanks(&text[it.range.clone()]));
        found.extend(dump::found(text, &self.clear));
        found.extend(self.shortened(text));
        found
    }

    /// The beginnings of secrets before the first marks of text that was left out.
    fn shortened(&self, text: &str) -> Vec<Found> {
        let marks = text.match_indices('…').take(MARKS);
        let cut = marks.flat_map(|(at, _)| self.cut(&text[..at], Cut::End));
        cut.map(|range| Found { range, may_be_a_word: false }).collect()
    }

    /// The places at the beginning and at the end of a text at which a part of a secret is.
    pub(crate) fn cut(&self, text: &str, cut: Cut) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for (view, _) in self.views(text) {
            for (automaton, view) in self.searched(&view) {
                found.extend(automaton.cut(&view, cut));
            }
        }
        found
    }

    /// The text as it is, and with its escapes decoded; true for the first.
    fn views(&self, text: &str) -> Vec<(View, bool)> {
        let plain = View::of(text);
        if !(escape::may_be_in(text) || self.has_blank && text.contains('+')) {
            return vec![(plain, true)];
        }
        let one_kind = escape::ALL.iter().filter_map(|decode| plain.decoded(&[*decode]));
        let mut views: Vec<View> = one_kind.collect();
        let mut all = match views.as_slice() {
            // With one kind of escapes, all decoders do the same as that one.
            [only] => only.decoded(&escape::ALL),
            _ => plain.decoded(&escape::ALL),
        };
        for _ in 0..PASSES {
            let Some(view) = all else { break };
            all = view.decoded(&escape::ALL);
            views.push(view);
        }
        views.insert(0, plain);
        if self.has_blank {
            let is_form = |view: &&View| view.bytes.contains(&b'+');
            let forms: Vec<View> = views.iter().filter(is_form).map(with_blanks).collect();
            views.extend(forms);
        }
        views.into_iter().enumerate().map(|(index, view)| (view, index == 0)).collect()
    }

    /// The automata with what each of them searches.
    fn searched(&self, view: &View) -> [(&Automaton, View); 5] {
        let squeezed = view.squeezed();
        [
            (&self.words, view.without_terminal_sequences().unwrap_or_else(|| view.clone())),
            (&self.clear, view.clone()),
            (&self.base64, base64_digits(&squeezed)),
            (&self.hexadecimal, hexadecimal_digits(&squeezed)),
            (&self.squeezed, squeezed),
        ]
    }
}

/// True if a line of a text has blanks inside.
fn has_blanks(text: &str) -> bool {
    text.lines().any(|line| line.trim().contains([' ', '\t']))
}

/// A form, in which `+` means a blank.
fn with_blanks(view: &View) -> View {
    view.mapped(|byte, _| Some(if byte == b'+' { b' ' } else { byte }))
}

/// The digits of base64; those of its variant for URLs become the usual ones.
fn base64_digits(view: &View) -> View {
    view.mapped(|byte, _| {
        Some(match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
    })
}

/// Hexadecimal digits in lower case without what separates bytes: `0x`, colons, commas. Anything else ends a number.
fn hexadecimal_digits(view: &View) -> View {
    view.mapped(|byte, before| match byte {
        b':' | b',' | b'-' | b'.' | b';' => None,
        b'x' | b'X' if before.bytes.last() == Some(&b'0') => {
            before.pop();
            None
        }
        digit if digit.is_ascii_hexdigit() => Some(digit.to_ascii_lowercase()),
        _ => Some(0),
    })
}
