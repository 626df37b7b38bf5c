//! The fields of a step, and how to read them.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::scep::{Acceptable, FactName, acceptables};
use crate::lab::Lab;
use crate::scenario::check::{self, Check};
use crate::scenario::{DEFAULT_WITHIN, Expect, typographic};
use diagnostics::yaml::{Fields, Node, Problems};
use diagnostics::{Diagnostic, Place};

/// The longest command or address, in bytes.
const COMMAND_LIMIT: usize = 4096;

/// The text of one step. Mistakes are reported as its fields are read.
pub(super) struct Given<'a> {
    pub(super) fields: Fields<'a>,
    /// The lab; `None` if it could not be read, and then names are not resolved.
    pub(super) lab: Option<&'a Lab>,
    pub(super) problems: &'a Problems,
    /// The kind of the step, as files write it.
    pub(super) kind: &'static str,
    /// The expected result.
    pub(super) expect: Expect,
    /// Place of the kind in the file.
    pub(super) place: &'a Place,
}

impl Given<'_> {
    /// The text of a field.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.fields.optional_as(key, Node::text)
    }

    /// A field with one of the named values.
    pub(super) fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Option<T> {
        self.fields.one_of(key, key, known)
    }

    /// A number within a range; `expected` describes the range.
    pub(super) fn number<T: FromStr + PartialOrd>(
        &self,
        key: &str,
        bounds: RangeInclusive<T>,
        expected: &str,
    ) -> Option<T> {
        let node = self.fields.optional(key)?;
        let number = node.parsed(expected, self.problems)?;
        if !bounds.contains(&number) {
            node.expected(expected, self.problems);
        }
        Some(number)
    }

    /// The acceptable outcomes.
    pub(super) fn acceptable<F: FactName>(&self) -> Option<Vec<Acceptable<F>>> {
        self.fields.required("accept").map(|node| acceptables(node, self.problems))
    }

    /// The checks on an output.
    pub(super) fn checks(&self) -> Vec<Check> {
        check::checks(&self.fields, self.problems)
    }

    /// Reports a field that must not be given.
    pub(super) fn refuse(&self, key: &str, message: impl Into<String>) {
        if let Some(node) = self.fields.optional(key) {
            self.problems.add(Diagnostic::at(&node.place, message));
        }
    }

    /// Time limit for repeating the step.
    pub(super) fn within(&self) -> Duration {
        self.fields.optional_as("within", Node::duration).unwrap_or(DEFAULT_WITHIN)
    }

    /// The device that the step is about.
    pub(super) fn device(&self) -> Option<String> {
        self.reference("device", |lab| lab.devices.keys().map(String::as_str).collect())
    }

    /// The PKI that the step is about.
    pub(super) fn pki(&self) -> Option<String> {
        self.reference("pki", Lab::pki_names)
    }

    /// The PKI that the step names, or the only one of the lab; none if the lab has several or none.
    pub(super) fn pki_if_clear(&self) -> Option<String> {
        let count = self.lab.map_or(1, |lab| lab.pki_names().len());
        if self.fields.optional("pki").is_none() && count != 1 {
            return None;
        }
        self.pki()
    }

    /// The device or PKI that a field names; optional if the lab has only one.
    fn reference(&self, key: &str, names: fn(&Lab) -> Vec<&str>) -> Option<String> {
        let what = if key == "pki" { "PKI" } else { key };
        let known = format!("the lab's {what}s");
        let given = self.fields.optional(key);
        let Some(names) = self.lab.map(names) else { return self.text(key) };
        match (given, names.as_slice()) {
            (None, [only]) => return Some((*only).to_owned()),
            (None, []) => {
                let message = format!("the lab has no {what}");
                self.problems.add(Diagnostic::at(self.fields.place(), message));
            }
            (None, _) => self.problems.add_with(|| {
                let message = format!("`{key}` is required: the lab has several {what}s");
                Diagnostic::at(self.fields.place(), message).known("", &known, names)
            }),
            (Some(node), _) => {
                let name = node.text(self.problems)?;
                if names.contains(&name.as_str()) {
                    return Some(name);
                }
                self.problems.add_with(|| {
                    let message = format!("unknown {what} `{name}`");
                    Diagnostic::at(&node.place, message).known(&name, &known, names)
                });
            }
        }
        None
    }

    /// Text in one line.
    pub(super) fn line(&self, node: &Node, what: &str) -> Option<String> {
        let text = node.text(self.problems)?.trim().to_owned();
        typographic::refuse_value(node, self.problems);
        let sound = !text.is_empty()
            && text.len() <= COMMAND_LIMIT
            && !text.contains(|c: char| c.is_control());
        if !sound {
            node.expected(&format!("{what} in one line"), self.problems);
        }
        sound.then_some(text)
    }

    /// An address or a name, as commands accept it.
    pub(super) fn host(&self, node: &Node) -> Option<String> {
        let text = self.line(node, "an address or a name")?;
        let sound = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
        if !sound {
            node.expected("an address or a name", self.problems);
        }
        sound.then_some(text)
    }
}
