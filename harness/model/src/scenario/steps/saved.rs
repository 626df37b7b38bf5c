//! Facts that `scep` steps save for later steps. A `{{name}}` that no earlier step saved is a mistake.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Action, Step};
use diagnostics::yaml::{Entry, Node, Problems, Value};
use diagnostics::{Diagnostic, Place};

/// The fields of a `scep` step that may use saved facts.
const FILLED: [&str; 4] = ["subject", "transaction-id", "serial", "accept"];

/// Names saved so far, by PKI.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    names: BTreeMap<String, BTreeSet<String>>,
    /// True after a step that could not be read, because it may have saved anything.
    is_incomplete: bool,
}

impl Saved {
    /// Checks the names that the next step uses, and remembers those that it saves.
    pub(crate) fn follow(&mut self, node: &Node, step: Option<&Step>, problems: &Problems) {
        match step.map(|step| &step.action) {
            None => self.is_incomplete = true,
            Some(Action::Scep(step)) => {
                let known = self.names.entry(step.pki.clone()).or_default();
                if !self.is_incomplete {
                    each_use(node, &FILLED, &mut |name, place| {
                        unsaved(name, known, place, problems);
                    });
                }
                known.extend(step.save.iter().map(|(name, _)| name.clone()));
            }
            Some(Action::Client(_) | Action::Seen(_)) => {
                each_use(node, &["accept"], &mut |name, place| {
                    let message = format!("only `scep` steps can use `{{{{{name}}}}}`");
                    problems.add(Diagnostic::at(place, message));
                });
            }
            Some(_) => {}
        }
    }
}

fn unsaved(name: &str, known: &BTreeSet<String>, place: &Place, problems: &Problems) {
    if known.contains(name) {
        return;
    }
    problems.add_with(|| {
        Diagnostic::at(place, format!("no earlier step saved `{name}`"))
            .known(name, "saved", known.iter().map(String::as_str))
            .note("`save: {name: fact}` saves a fact of this PKI's answer")
    });
}

/// Visits each `{{name}}` in these fields of a step.
fn each_use<'a>(step: &'a Node, fields: &[&str], visit: &mut impl FnMut(&'a str, &'a Place)) {
    let Value::Mapping(kinds) = &step.value else { return };
    for kind in kinds {
        let Value::Mapping(entries) = &kind.value.value else { continue };
        let is_filled = |entry: &&Entry| fields.contains(&entry.key.as_str());
        entries.iter().filter(is_filled).for_each(|entry| each_name(&entry.value, visit));
    }
}

fn each_name<'a>(node: &'a Node, visit: &mut impl FnMut(&'a str, &'a Place)) {
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, .. } => names_in(text).for_each(|name| visit(name, &node.place)),
        Value::Sequence(items) => items.iter().for_each(|item| each_name(item, visit)),
        Value::Mapping(entries) => {
            // These texts are shown unchanged.
            let is_shown = |entry: &&Entry| ["note", "skip"].contains(&entry.key.as_str());
            let judged = entries.iter().filter(|entry| !is_shown(entry));
            judged.for_each(|entry| each_name(&entry.value, visit));
        }
    }
}

/// The names within `{{` and `}}`; not in a regular expression, where braces mean something else.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let is_regex = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
    let pieces = if is_regex { "" } else { text }.split("{{").skip(1);
    pieces.filter_map(|piece| Some(piece.split_once("}}")?.0))
}
