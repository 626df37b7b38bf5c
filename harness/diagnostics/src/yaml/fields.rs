//! Mappings with known fields, and the problems found while reading them.

use std::cell::{Cell, RefCell};

use super::{Entry, Node, Value, secrets};
use crate::{Diagnostic, Place};

/// Limit of the problems reported for a file.
const PROBLEM_LIMIT: usize = 100;

/// The problems found so far.
#[derive(Debug, Default)]
pub struct Problems {
    kept: RefCell<Vec<Diagnostic>>,
    count: Cell<usize>,
}

impl Problems {
    /// Adds a problem.
    pub fn add(&self, diagnostic: Diagnostic) {
        self.count.set(self.count.get() + 1);
        let mut kept = self.kept.borrow_mut();
        if kept.len() < PROBLEM_LIMIT {
            kept.push(diagnostic);
        }
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
    pub fn of(node: &'a Node, what: &str, known: &[&str], problems: &'a Problems) -> Option<Self> {
        let entries = match &node.value {
            Value::Mapping(entries) => entries.as_slice(),
            Value::Null => &[],
            Value::Scalar { .. } | Value::Sequence(_) => {
                node.expected(&format!("a map of the fields of {what}"), problems);
                return None;
            }
        };
        refuse_unknown(entries, what, known, problems);
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
            entries
        }
        Value::Null => &[],
        Value::Scalar { .. } | Value::Sequence(_) => {
            node.expected(what, problems);
            &[]
        }
    }
}

fn refuse_unknown(entries: &[Entry], what: &str, known: &[&str], problems: &Problems) {
    for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        let message = format!("unknown field `{}` in {what}", entry.key);
        problems.add(Diagnostic::at(&entry.key_place, message).known(
            &entry.key,
            "known fields",
            known.iter().copied(),
        ));
    }
}

fn refuse_repeated(entries: &[Entry], problems: &Problems) {
    let mut seen = std::collections::HashMap::new();
    for entry in entries {
        if let Some(first) = seen.insert(entry.key.as_str(), entry.key_place.line()) {
            let message = format!("`{}` is given twice", entry.key);
            problems.add(
                Diagnostic::at(&entry.key_place, message).label(format!("first in line {first}")),
            );
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
