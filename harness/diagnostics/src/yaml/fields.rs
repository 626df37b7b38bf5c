//! Mappings with known fields, and the problems found while reading them.

use std::cell::{Cell, RefCell};

use regex::{Regex, RegexBuilder};

use super::advice::{Wanted, odd_blank};
use super::pattern::{PatternError, Patterns};
use super::{Entry, Node, Value, secrets};
use crate::{Diagnostic, Place};

/// Limit of the problems reported for a file.
const PROBLEM_LIMIT: usize = 100;

/// Limit of the user's names in one map, because checks of a lab compare each with each.
const NAME_LIMIT: usize = 1000;

/// The problems found so far.
#[derive(Debug, Default)]
pub struct Problems {
    kept: RefCell<Vec<Diagnostic>>,
    count: Cell<usize>,
    patterns: Patterns,
}

impl Problems {
    /// Adds a problem.
    pub fn add(&self, diagnostic: Diagnostic) {
        self.add_with(|| diagnostic);
    }

    /// Adds a problem whose diagnostic takes work, such as a search for similar names; a problem beyond the limit is only counted.
    pub fn add_with(&self, diagnostic: impl FnOnce() -> Diagnostic) {
        let is_kept = self.count.get() < PROBLEM_LIMIT;
        self.count.set(self.count.get() + 1);
        if is_kept {
            let diagnostic = diagnostic();
            self.kept.borrow_mut().push(diagnostic);
        }
    }

    /// Compiles a regular expression of the file.
    ///
    /// # Errors
    /// If it is wrong or too large, or all of the file together are too large.
    pub fn compiled(&self, builder: &mut RegexBuilder) -> Result<Regex, PatternError> {
        self.patterns.compiled(builder)
    }

    /// True if there are no problems.
    pub fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// Number of problems.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// The problems of a file in its order, with secrets masked.
    pub fn of_file(self, file: &Node) -> Vec<Diagnostic> {
        let kept = self.kept.into_inner();
        let more = self.count.get() - kept.len();
        let mut found = secrets::masked(kept, file);
        found.sort();
        found.dedup();
        if let (1.., Some(last)) = (more, found.last_mut()) {
            last.notes.push(format!("and {} in this file", crate::counted(more, "more error")));
        }
        found
    }
}

/// The keys that a mapping may have.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'k> {
    known: &'k [&'k str],
    is_of_file: bool,
    advice: fn(&str) -> Option<&'static str>,
}

impl<'k> Keys<'k> {
    /// The keys of a whole file, in which those that begin with `x-` are free, as a place for anchors.
    pub fn of_file(known: &'k [&'k str]) -> Self {
        Self { is_of_file: true, ..Self::from(known) }
    }

    /// The same with advice about some unknown keys.
    #[must_use]
    pub fn advised(self, advice: fn(&str) -> Option<&'static str>) -> Self {
        Self { advice, ..self }
    }

    fn has(&self, key: &str) -> bool {
        self.known.contains(&key) || self.is_of_file && key.starts_with("x-")
    }
}

impl<'k> From<&'k [&'k str]> for Keys<'k> {
    fn from(known: &'k [&'k str]) -> Self {
        Self { known, is_of_file: false, advice: |_| None }
    }
}

impl<'k, const N: usize> From<&'k [&'k str; N]> for Keys<'k> {
    fn from(known: &'k [&'k str; N]) -> Self {
        Self::from(known.as_slice())
    }
}

impl<'k> From<&'k Vec<&'k str>> for Keys<'k> {
    fn from(known: &'k Vec<&'k str>) -> Self {
        Self::from(known.as_slice())
    }
}

/// A mapping with known keys. Unknown and repeated keys are problems.
#[derive(Debug)]
pub struct Fields<'a> {
    place: Place,
    what: String,
    entries: &'a [Entry],
    problems: &'a Problems,
}

impl<'a> Fields<'a> {
    /// Checks the keys of a mapping; `what` describes it, as in "a run step". An empty value is an empty mapping.
    pub fn of<'k>(
        node: &'a Node,
        what: &str,
        keys: impl Into<Keys<'k>>,
        problems: &'a Problems,
    ) -> Option<Self> {
        let keys = keys.into();
        let entries = match &node.value {
            Value::Mapping(entries) => entries.as_slice(),
            Value::Null => &[],
            Value::Scalar { .. } | Value::Sequence(_) => {
                node.other_kind(Wanted::Map, &format!("a map of the fields of {what}"), problems);
                return None;
            }
        };
        for entry in entries {
            let key = entry.key.as_str();
            if !keys.has(key) {
                problems.add_with(|| {
                    let unknown = unknown(entry, what, keys.known);
                    (keys.advice)(key).into_iter().fold(unknown, Diagnostic::note)
                });
            }
        }
        refuse_repeated(entries, problems);
        let (place, what) = (node.place.clone(), what.to_owned());
        Some(Self { place, what, entries, problems })
    }

    /// The value of a field, if it is given.
    pub fn optional(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of a required field.
    pub fn required(&self, key: &str) -> Option<&'a Node> {
        let found = self.optional(key);
        if found.is_none() {
            let message = format!("{} lacks the field `{key}`", self.what);
            self.problems.add(Diagnostic::at(&self.place, message));
        }
        found
    }

    /// Reads a field, if it is given.
    pub fn optional_as<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Node, &'a Problems) -> Option<T>,
    ) -> Option<T> {
        self.optional(key).and_then(|node| read(node, self.problems))
    }

    /// Reads a required field.
    pub fn required_as<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Node, &'a Problems) -> Option<T>,
    ) -> Option<T> {
        self.required(key).and_then(|node| read(node, self.problems))
    }

    /// A field with one of the named values, if it is given; `what` describes the values in messages.
    pub fn one_of<T: Copy>(&self, key: &str, what: &str, known: &[(&str, T)]) -> Option<T> {
        self.optional(key).and_then(|node| node.one_of(what, known, self.problems))
    }

    /// The values of a field that takes one or several; empty if it is not given.
    pub fn one_or_more(&self, key: &str) -> &'a [Node] {
        self.optional(key).map(|node| node.one_or_more(self.problems)).unwrap_or_default()
    }

    /// The entries of a field whose keys are the user's names; empty if it is not given.
    pub fn names(&self, key: &str, what: &str) -> &'a [Entry] {
        self.optional(key).map(|node| names(node, what, self.problems)).unwrap_or_default()
    }

    /// Place of the mapping.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

/// The entries of a mapping whose keys are the user's names.
pub fn names<'a>(node: &'a Node, what: &str, problems: &Problems) -> &'a [Entry] {
    match &node.value {
        Value::Mapping(entries) => {
            refuse_repeated(entries, problems);
            let (named, more) = entries.split_at(entries.len().min(NAME_LIMIT));
            if let Some(first) = more.first() {
                let message = format!("a map has at most {NAME_LIMIT} names here");
                problems.add(Diagnostic::at(&first.key_place, message));
            }
            named
        }
        Value::Null => &[],
        Value::Scalar { .. } | Value::Sequence(_) => {
            node.other_kind(Wanted::Map, what, problems);
            &[]
        }
    }
}

fn unknown(entry: &Entry, what: &str, known: &[&str]) -> Diagnostic {
    let message = format!("unknown field `{}` in {what}", entry.key);
    let unknown = Diagnostic::at(&entry.key_place, message);
    if matches!(entry.value.value, Value::Null) && !entry.key_place.rest().starts_with(':') {
        return unknown.note(match entry.key.split_once(':') {
            Some((key, value)) => format!("a blank comes after the colon: `{key}: {value}`"),
            None => "a `,` between braces ends a value: quote a text that has one".to_owned(),
        });
    }
    match odd_blank(&entry.key) {
        Some(odd) => unknown.label(odd),
        None => unknown.known(&entry.key, "known fields", known.iter().copied()),
    }
}

fn refuse_repeated(entries: &[Entry], problems: &Problems) {
    let mut seen = std::collections::HashMap::new();
    for entry in entries {
        if let Some(first) = seen.insert(entry.key.as_str(), entry.key_place.line()) {
            problems.add_with(|| {
                let message = format!("`{}` is given twice", entry.key);
                Diagnostic::at(&entry.key_place, message).label(format!("first in line {first}"))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn errors_beyond_the_limit_are_counted() {
        let text: String =
            (0..150).map(|index| ["key", &index.to_string(), ": 1\n"].concat()).collect();
        let node = super::super::parse(&Source::new("a.yaml", text)).unwrap();
        let problems = Problems::default();
        Fields::of(&node, "a scenario", &["title"], &problems).unwrap();
        let found = problems.of_file(&node);
        assert_eq!(found.len(), PROBLEM_LIMIT);
        assert_eq!(found[99].notes[1], "and 50 more errors in this file");
    }

    #[test]
    fn problems_beyond_the_limit_are_not_composed() {
        let problems = Problems::default();
        let composed = Cell::new(0);
        for _ in 0..10 * PROBLEM_LIMIT {
            problems.add_with(|| {
                composed.set(composed.get() + 1);
                Diagnostic::general("x")
            });
        }
        assert_eq!((problems.count(), composed.get()), (10 * PROBLEM_LIMIT, PROBLEM_LIMIT));
    }

    #[test]
    fn all_unknown_and_repeated_keys_are_reported_at_once() {
        let source =
            Source::new("a.yaml", "titel: x\nsteps: 1\nsteps: 2\ncolour: red\n".to_owned());
        let node = super::super::parse(&source).unwrap();
        let problems = Problems::default();
        let fields = Fields::of(&node, "a scenario", &["title", "steps"], &problems).unwrap();
        assert!(fields.required("title").is_none());
        let found: Vec<String> =
            problems.of_file(&node).into_iter().map(|problem| problem.message).collect();
        assert_eq!(
            found,
            [
                "a scenario lacks the field `title`",
                "unknown field `titel` in a scenario",
                "`steps` is given twice",
                "unknown field `colour` in a scenario",
            ]
        );
    }
}
