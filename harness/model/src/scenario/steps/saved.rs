//! What steps of SCEP save for those after them: a `{{name}}` that nobody saved before is a mistake.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Action, Step};
use diagnostics::yaml::{Entry, Node, Problems, Value};
use diagnostics::{Diagnostic, Place};

/// The fields of a step of SCEP in which what was saved is filled in.
const FILLED: [&str; 4] = ["subject", "transaction-id", "serial", "accept"];

/// The names saved so far, by the PKI that they were saved of.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    names: BTreeMap<String, BTreeSet<String>>,
    /// Whether a step could not be read, which may have saved anything.
    is_incomplete: bool,
}

impl Saved {
    /// Takes the next step: what it uses must have been saved, and what it saves can be used from here on.
    pub(crate) fn follow(&mut self, node: &Node, step: Option<&Step>, problems: &Problems) {
        match step.map(|step| &step.action) {
            None => self.is_incomplete = true,
            Some(Action::Scep(speech)) => {
                let known = self.names.entry(speech.pki.clone()).or_default();
                if !self.is_incomplete {
                    each_use(node, &FILLED, &mut |name, place| {
                        unsaved(name, known, place, problems);
                    });
                }
                known.extend(speech.save.iter().map(|(name, _)| name.clone()));
            }
            Some(Action::Client(_) | Action::Seen(_)) => {
                each_use(node, &["accept"], &mut |name, place| {
                    let message = format!("`{{{{{name}}}}}` is filled in in steps of SCEP alone");
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
    let message = format!("no step before this one saved `{name}`");
    let diagnostic = Diagnostic::at(place, message);
    let diagnostic = diagnostic.known(name, "saved", known.iter().map(String::as_str));
    problems.add(diagnostic.note("`save: {name: fact}` keeps a fact of what this PKI answered"));
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
            // What is said to the reader is shown as it is.
            let told = |entry: &&Entry| ["note", "skip"].contains(&entry.key.as_str());
            let judged = entries.iter().filter(|entry| !told(entry));
            judged.for_each(|entry| each_name(&entry.value, visit));
        }
    }
}

/// The names within `{{` and `}}`; in a regular expression these mean something else.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let is_regex = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
    let pieces = if is_regex { "" } else { text }.split("{{").skip(1);
    pieces.filter_map(|piece| Some(piece.split_once("}}")?.0))
}
