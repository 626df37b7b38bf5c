//! Finds secrets in a text in all their forms. The work is linear in the length of the text: a limited number of views of it and of
//! what is inside it, and an automaton for each kind of view. Most texts have no secret: so they are first searched in views without
//! places.

mod automaton;
mod digits;
mod dump;
mod heads;
mod layers;
mod shapes;

use std::ops::{ControlFlow, Range};

use scep::secret::Secret;

use self::automaton::Automaton;
pub(crate) use self::automaton::Cut;
use self::shapes::Shapes;
use crate::needle::Needles;
use crate::view::{Origin, View, escape};

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

    /// Number of the automata that were needed so far.
    #[cfg(test)]
    pub(crate) fn automata(&self) -> usize {
        let all = [&self.words, &self.clear, &self.squeezed, &self.base64, &self.hexadecimal];
        all.into_iter().filter(|it| it.is_built()).count()
    }

    /// The places of all secrets in a text, in no order; they may overlap.
    pub(crate) fn found(&self, text: &str) -> Vec<Found> {
        let mut found = if self.is_in(text) { self.found_in_views(text) } else { Vec::new() };
        found.extend(self.shortened(text));
        found
    }

    /// True if a secret is in a text, whatever is around it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let search = |automaton: &Automaton, view: &View<()>, is_plain| {
            if automaton.is_in(view, is_plain) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        self.each_view(text, search).is_break()
    }

    /// The places of all secrets that are whole.
    pub(crate) fn found_in_views(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        // The search goes on to the end.
        let _ = self.each_view(text, |automaton, view, is_plain| {
            found.extend(automaton.found(view, is_plain));
            ControlFlow::Continue(())
        });
        // Words and numbers with blanks between them are others.
        found.retain(|it| !it.may_be_a_word || !has_blanks(&text[it.range.clone()]));
        found
    }

    /// Searches in each view of a text and of what is inside it, with the automaton of its kind, until `search` breaks. The last argument
    /// is true if the view is the text itself.
    fn each_view<O: Origin>(
        &self,
        text: &str,
        mut search: impl FnMut(&Automaton, &View<O>, bool) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.longest() == 0 && self.words.longest() == 0 {
            return ControlFlow::Continue(());
        }
        let plain = self.views(View::of(text));
        for (index, shapes) in plain.iter().enumerate() {
            let is_plain = index == 0;
            if self.words.longest() > 0 {
                let without = shapes.view.without_terminal_sequences();
                search(&self.words, without.as_ref().unwrap_or(&shapes.view), is_plain)?;
            }
            self.each_shape(shapes, is_plain, &mut search)?;
        }
        if self.longest() > 0 {
            for shapes in layers::below(&plain, text.len(), |view| self.views(view)) {
                self.each_shape(&shapes, false, &mut search)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The shapes of one view, but not the words in it.
    fn each_shape<O: Origin>(
        &self,
        shapes: &Shapes<O>,
        is_plain: bool,
        search: &mut impl FnMut(&Automaton, &View<O>, bool) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        search(&self.clear, &shapes.view, is_plain)?;
        search(&self.squeezed, &shapes.squeezed, is_plain)?;
        search(&self.base64, &shapes.base64, is_plain)?;
        search(&self.hexadecimal, &shapes.hexadecimal, is_plain)
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
        let views = [Some(plain), once, twice, first].into_iter().flatten();
        let mut all: Vec<Shapes> = views.flat_map(|it| self.views(it)).collect();
        let halves = unescaped_halves(&all[0].view);
        all.extend(halves.into_iter().map(Shapes::of));
        let end = text.trim_end().len();
        for layer in layers::below(&all, text.len(), |view| self.views(view)) {
            let last = layer.view.last_parts(end).into_iter();
            all.extend(last.map(Shapes::of));
            if cut == Cut::BothEnds {
                let first = layer.view.first_parts().into_iter();
                all.extend(first.map(Shapes::of));
            }
        }
        all.iter().flat_map(|shapes| self.cut_in(shapes, cut)).collect()
    }

    fn cut_in(&self, shapes: &Shapes, cut: Cut) -> Vec<Range<usize>> {
        let mut found = self.words.cut(&shapes.view, cut);
        found.extend(self.clear.cut(&shapes.view, cut));
        found.extend(self.squeezed.cut(&shapes.squeezed, cut));
        found.extend(self.base64.cut(&shapes.base64, cut));
        found.extend(self.hexadecimal.cut(&shapes.hexadecimal, cut));
        found
    }

    /// The view itself, which is the first; and with its escapes decoded, and its characters in their usual shape.
    fn views<O: Origin>(&self, plain: View<O>) -> Vec<Shapes<O>> {
        let mut views = self.unescaped(plain);
        let mut from = 0;
        // Escapes may be of such characters, and such characters in escapes.
        for _ in 0..PASSES {
            let mut shaped: Vec<View<O>> = Vec::new();
            for view in views[from..].iter().filter_map(View::in_usual_shape) {
                if views.iter().chain(&shaped).all(|known| known.bytes != view.bytes) {
                    shaped.push(view);
                }
            }
            from = views.len();
            let unescaped: Vec<View<O>> = shaped.iter().flat_map(unescaped_by_all).collect();
            views.extend(shaped);
            views.extend(unescaped);
        }
        views.into_iter().map(Shapes::of).collect()
    }

    /// The view itself, which is the first, and with its escapes decoded.
    fn unescaped<O: Origin>(&self, plain: View<O>) -> Vec<View<O>> {
        let may_have_escapes = plain.bytes.iter().any(|byte| escape::begins_with(*byte));
        if !(may_have_escapes || self.has_blank && plain.bytes.contains(&b'+')) {
            return vec![plain];
        }
        let one_kind = escape::ALL.iter().filter_map(|decode| plain.decoded(&[*decode]));
        let mut views: Vec<View<O>> = one_kind.collect();
        let all = match views.as_slice() {
            // With one kind of escapes, all decoders do the same as that one.
            [only] => unescaped_by_all(only),
            _ => unescaped_by_all(&plain),
        };
        views.extend(all);
        views.insert(0, plain);
        if self.has_blank {
            let is_form = |view: &&View<O>| view.bytes.contains(&b'+');
            let forms: Vec<View<O>> = views.iter().filter(is_form).map(with_blanks).collect();
            views.extend(forms);
        }
        views
    }
}

/// The view with its escapes decoded once, twice and so on, as long as there are some.
fn unescaped_by_all<O: Origin>(view: &View<O>) -> Vec<View<O>> {
    let decoded = |view: &View<O>| view.decoded(&escape::ALL);
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
fn with_blanks<O: Origin>(view: &View<O>) -> View<O> {
    view.mapped(|byte, _| Some(if byte == b'+' { b' ' } else { byte }))
}
