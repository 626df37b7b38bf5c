//! Finds secrets in a text in all their forms. The work is linear in the length of the text: a limited number of views of it and of
//! what is inside it, and an automaton for each kind of view.

mod automaton;
mod digits;
mod dump;
mod layers;

use std::ops::Range;

use scep::secret::Secret;

use self::automaton::Automaton;
pub(crate) use self::automaton::Cut;
use crate::needle::Needles;
use crate::view::{View, escape};

/// How often escapes are decoded: JSON in a query in XML has three.
const PASSES: usize = 3;

/// The longest part of a text before a mark of text that was left out in which the beginning of a secret is searched, in bytes.
const BEFORE_MARK: usize = 4096;

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
        let views = self.views(View::of(text));
        for (index, view) in views.iter().enumerate() {
            let is_plain = index == 0;
            let without = view.without_terminal_sequences();
            found.extend(self.words.found(without.as_ref().unwrap_or(view), is_plain));
            found.extend(self.found_in(view, is_plain));
        }
        if self.longest() > 0 {
            let layers = layers::below(&views, text.len(), |view| self.views(view));
            found.extend(layers.iter().flat_map(|view| self.found_in(view, false)));
        }
        // Words and numbers with blanks between them are others.
        found.retain(|it| !it.may_be_a_word || !has_blanks(&text[it.range.clone()]));
        found.extend(self.shortened(text));
        found
    }

    /// The places of secrets in one view, but not of short ones in clear; `is_plain` if it is the text itself.
    fn found_in(&self, view: &View, is_plain: bool) -> Vec<Found> {
        let squeezed = view.squeezed();
        let mut found = self.clear.found(view, is_plain);
        found.extend(self.squeezed.found(&squeezed, is_plain));
        found.extend(self.base64.found(&base64_digits(&squeezed), is_plain));
        found.extend(self.hexadecimal.found(&hexadecimal_digits(&squeezed), is_plain));
        found
    }

    /// The beginnings of secrets before the marks of text that was left out.
    fn shortened(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        let mut rest = 0;
        for (at, mark) in text.match_indices('…') {
            let from = rest.max(at.saturating_sub(BEFORE_MARK));
            let from = (from..=at).find(|from| text.is_char_boundary(*from)).unwrap_or(at);
            for cut in self.cut(&text[from..at], Cut::End) {
                let range = from + cut.start..from + cut.end;
                found.push(Found { range, may_be_a_word: false });
            }
            rest = at + mark.len();
        }
        found
    }

    /// The places at the beginning and at the end of a text at which a part of a secret is.
    pub(crate) fn cut(&self, text: &str, cut: Cut) -> Vec<Range<usize>> {
        let plain = View::of(text);
        // An escape may be cut, too, and one that it is the escape of.
        let once = plain.without_last_escape();
        let twice = once.as_ref().and_then(View::without_last_escape);
        let first = plain.without_first_escape().filter(|_| cut == Cut::BothEnds);
        let mut views: Vec<View> = [Some(plain), once, twice, first]
            .into_iter()
            .flatten()
            .flat_map(|it| self.views(it))
            .collect();
        views.extend(unescaped_halves(&views[0]));
        let end = text.trim_end().len();
        for layer in layers::below(&views, text.len(), |view| self.views(view)) {
            views.extend(layer.last_parts(end));
            if cut == Cut::BothEnds {
                views.extend(layer.first_parts());
            }
        }
        views.iter().flat_map(|view| self.cut_in(view, cut)).collect()
    }

    fn cut_in(&self, view: &View, cut: Cut) -> Vec<Range<usize>> {
        let squeezed = view.squeezed();
        let mut found = self.words.cut(view, cut);
        found.extend(self.clear.cut(view, cut));
        found.extend(self.squeezed.cut(&squeezed, cut));
        found.extend(self.base64.cut(&base64_digits(&squeezed), cut));
        found.extend(self.hexadecimal.cut(&hexadecimal_digits(&squeezed), cut));
        found
    }

    /// The view itself, which is the first; and with its escapes decoded, and its characters in their usual shape.
    fn views(&self, plain: View) -> Vec<View> {
        let mut views = self.unescaped(plain);
        let mut from = 0;
        // Escapes may be of such characters, and such characters in escapes.
        for _ in 0..PASSES {
            let mut shaped: Vec<View> = Vec::new();
            for view in views[from..].iter().filter_map(View::in_usual_shape) {
                if views.iter().chain(&shaped).all(|known| known.bytes != view.bytes) {
                    shaped.push(view);
                }
            }
            from = views.len();
            let unescaped: Vec<View> = shaped.iter().flat_map(unescaped_by_all).collect();
            views.extend(shaped);
            views.extend(unescaped);
        }
        views
    }

    /// The view itself, which is the first, and with its escapes decoded.
    fn unescaped(&self, plain: View) -> Vec<View> {
        let may_have_escapes = plain.bytes.iter().any(|byte| escape::begins_with(*byte));
        if !(may_have_escapes || self.has_blank && plain.bytes.contains(&b'+')) {
            return vec![plain];
        }
        let one_kind = escape::ALL.iter().filter_map(|decode| plain.decoded(&[*decode]));
        let mut views: Vec<View> = one_kind.collect();
        let all = match views.as_slice() {
            // With one kind of escapes, all decoders do the same as that one.
            [only] => unescaped_by_all(only),
            _ => unescaped_by_all(&plain),
        };
        views.extend(all);
        views.insert(0, plain);
        if self.has_blank {
            let is_form = |view: &&View| view.bytes.contains(&b'+');
            let forms: Vec<View> = views.iter().filter(is_form).map(with_blanks).collect();
            views.extend(forms);
        }
        views
    }
}

/// The view with its escapes decoded once, twice and so on, as long as there are some.
fn unescaped_by_all(view: &View) -> Vec<View> {
    let decoded = |view: &View| view.decoded(&escape::ALL);
    std::iter::successors(decoded(view), decoded).take(PASSES).collect()
}

/// The view with its escapes decoded once, twice and so on, each time without what may be half of one at its end.
fn unescaped_halves(view: &View) -> Vec<View> {
    let decoded = |view: &View| match view.without_last_escape() {
        Some(whole) => whole.decoded(&escape::ALL),
        None => view.decoded(&escape::ALL),
    };
    std::iter::successors(decoded(view), decoded).take(PASSES).collect()
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
