//! The steps that give a device configuration lines: `configure` and `modify`.

use std::collections::BTreeMap;

use super::Given;
use diagnostics::{Diagnostic, Located, Place};

/// Configuration lines for a device.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The device.
    pub device: String,
    /// The lines, comments left blank so that their numbers stay.
    pub lines: Located<String>,
    /// The PKI whose challenge password stands in place of a placeholder, by the placeholder's name.
    pub challenges: BTreeMap<String, String>,
}

impl Configuration {
    /// Where a line stands, counted from 1; the whole text where it is written in another way.
    pub fn place_of(&self, line: usize) -> Place {
        let text = line.checked_sub(1).and_then(|index| self.lines.value.lines().nth(index));
        let place = line.checked_sub(1).and_then(|index| self.lines.place.line_below(index));
        match (text, place) {
            (Some(text), Some(place)) if place.text() == text.trim() => place,
            _ => self.lines.place.clone(),
        }
    }

    /// Reads the lines of a field, each of which begins with one of the verbs.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let (key, verbs): (_, &[_]) = match given.kind {
            "configure" => ("set", &["set"]),
            _ => ("lines", &["set", "delete"]),
        };
        let device = given.device();
        let node = given.required(key)?;
        let lines = node.located(given.problems)?;
        let mut read = Self { device: String::new(), lines, challenges: BTreeMap::new() };
        for (index, line) in read.lines.value.lines().map(str::trim).enumerate() {
            let verb = line.split_whitespace().next().unwrap_or_default();
            if !line.is_empty() && !line.starts_with('#') && !verbs.contains(&verb) {
                let message = format!("a line begins with {}, not `{verb}`", either(verbs));
                given.problems.add(Diagnostic::at(&read.place_of(index + 1), message));
            }
        }
        if read.lines.value.trim().is_empty() {
            let message = format!("`{key}` holds no lines");
            given.problems.add(Diagnostic::at(&node.place, message));
        }
        let lines = without_comments(&read.lines.value);
        read.challenges = given.challenges(&lines, &read);
        read.lines.value = lines;
        Some(Self { device: device?, ..read })
    }

    /// What is done, in words.
    pub(super) fn title(&self, verb: &str) -> String {
        format!("{verb} the configuration in {}", self.device)
    }
}

fn either(verbs: &[&str]) -> String {
    verbs.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(" or ")
}

/// Comments become blank lines, so that the device's line numbers stay those of the file.
fn without_comments(lines: &str) -> String {
    lines
        .lines()
        .map(|line| if line.trim_start().starts_with('#') { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}
