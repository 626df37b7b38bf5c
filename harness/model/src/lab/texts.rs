//! The texts of a program that a host runs, which may have placeholders.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Secret;
use super::values::{is_variable, secret};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Entry, Node, Problems, Value, names};

/// Placeholder for the program's own folder, which is known once it runs.
pub(super) const FOLDER: &str = "dir";

/// Placeholder for the first address of the host.
pub(super) const ADDRESS: &str = "address";

/// Reads the texts of a program and fills in placeholders.
pub(super) struct Texts<'a> {
    /// Values by placeholder; none if it is not known before the program runs.
    pub(super) values: BTreeMap<&'static str, Option<String>>,
    pub(super) problems: &'a Problems,
}

impl Texts<'_> {
    /// A command: a list of words, or a text that is split into words as a shell does.
    pub(super) fn command(&self, node: &Node) -> Option<Vec<String>> {
        let words = self.list_or_words(node)?;
        if words.first().is_none_or(String::is_empty) {
            let message = "a command begins with the name of a program";
            self.problems.add(Diagnostic::at(&node.place, message));
            return None;
        }
        Some(words)
    }

    /// Arguments of a program.
    pub(super) fn arguments(&self, node: &Node) -> Vec<String> {
        self.list_or_words(node).unwrap_or_default()
    }

    fn list_or_words(&self, node: &Node) -> Option<Vec<String>> {
        match &node.value {
            Value::Sequence(words) => words.iter().map(|word| self.text(word)).collect(),
            _ => self.words(node),
        }
    }

    fn words(&self, node: &Node) -> Option<Vec<String>> {
        let raw = self.sound(node)?;
        let Some(words) = shlex::split(&raw) else {
            let message = "a quote is left open, or a backslash ends the command";
            self.problems.add(Diagnostic::at(&node.place, message));
            return None;
        };
        // Filled in after splitting, so that a space in a folder's name splits nothing.
        Some(words.iter().map(|word| self.filled(word)).collect())
    }

    pub(super) fn text(&self, node: &Node) -> Option<String> {
        Some(self.filled(&self.sound(node)?))
    }

    fn filled(&self, text: &str) -> String {
        fill(text, |name| self.values.get(name).cloned().flatten())
    }

    /// A text with known placeholders only.
    fn sound(&self, node: &Node) -> Option<String> {
        let text = node.text(self.problems)?;
        if text.contains('\0') {
            self.problems.add(Diagnostic::at(&node.place, "no argument can hold a NUL"));
            return None;
        }
        let before = self.problems.count();
        for (name, range) in placeholders(&text) {
            let place = node.place_of(range.start, range.end);
            match self.values.get(name) {
                Some(None) if name != FOLDER => {
                    let message = format!("the host has no address for `{{{{{name}}}}}`");
                    self.problems.add(Diagnostic::at(&place, message));
                }
                Some(_) => {}
                None => {
                    self.problems.add_with(|| {
                        let message = format!("unknown placeholder `{{{{{name}}}}}`");
                        let known = self.values.keys().copied();
                        Diagnostic::at(&place, message).known(name, "placeholders", known)
                    });
                }
            }
        }
        (self.problems.count() == before).then_some(text)
    }

    pub(super) fn environment(
        &self,
        node: &Node,
        secrets: &BTreeMap<String, Secret>,
    ) -> BTreeMap<String, String> {
        let entries = names(node, "a map from environment variables to values", self.problems);
        for entry in entries.iter().filter(|entry| secrets.contains_key(&entry.key)) {
            let message = format!("`{}` is one of `secrets` already", entry.key);
            self.problems.add(Diagnostic::at(&entry.key_place, message));
        }
        let variable = |entry: &Entry| Some((self.variable(entry)?, self.text(&entry.value)?));
        entries.iter().filter_map(variable).collect()
    }

    pub(super) fn secrets(&self, node: &Node) -> BTreeMap<String, Secret> {
        let entries = names(node, "a map from environment variables to secrets", self.problems);
        let variable =
            |entry: &Entry| Some((self.variable(entry)?, secret(&entry.value, self.problems)?));
        entries.iter().filter_map(variable).collect()
    }

    fn variable(&self, entry: &Entry) -> Option<String> {
        let name = &entry.key;
        let sound = is_variable(name);
        if !sound {
            let message = format!("`{name}` cannot be the name of an environment variable");
            let note = "a name is made of letters, digits and `_`";
            self.problems.add(Diagnostic::at(&entry.key_place, message).note(note));
        }
        sound.then(|| name.clone())
    }
}

/// The names between `{{` and `}}`, with their byte ranges including the braces.
pub fn placeholders(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").map(|start| at + start) {
        let Some(length) = text[start..].find("}}") else { break };
        let end = start + length + 2;
        found.push((text[start + 2..end - 2].trim(), start..end));
        at = end;
    }
    found
}

/// Fills in placeholders; those without a value stay.
pub(super) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = text.to_owned();
    for (name, range) in placeholders(text).into_iter().rev() {
        if let Some(value) = value(name) {
            filled.replace_range(range, &value);
        }
    }
    filled
}
