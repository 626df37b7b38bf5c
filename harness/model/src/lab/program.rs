//! A server program that a host runs as its PKI.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Secret;

/// What stands in a program's texts for the folder of its own, which is known when it runs.
pub(super) const FOLDER: &str = "dir";

/// A server program and what it needs; `{{dir}}` in its texts is a folder of its own, empty at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments; there is at least the program.
    pub command: Vec<String>,
    /// Commands that come before it, in turn, in its folder.
    pub prepare: Vec<Vec<String>>,
    /// How it is known that it serves.
    pub ready: Ready,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are shown nowhere.
    pub secrets: BTreeMap<String, Secret>,
    /// The Debian package that has it; where it is given, a program that is not installed is a skip.
    pub package: Option<String>,
}

/// How it is known that a program serves: all that is given here holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The TCP port that is open then, at the host's first address.
    pub port: Option<u16>,
    /// A regular expression that is found in its output then; `^` and `$` are the ends of lines.
    pub output: Option<String>,
    /// How long that may take.
    pub within: Duration,
}

impl Program {
    /// A text of the program with its folder in place of `{{dir}}`.
    pub fn in_folder(text: &str, folder: &Path) -> String {
        fill(text, |name| (name == FOLDER).then(|| folder.display().to_string()))
    }
}

/// The names between `{{` and `}}` with their ranges of bytes, braces included.
pub fn placeholders(text: &str) -> Vec<(&str, std::ops::Range<usize>)> {
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

/// The text with the values of its placeholders; those without a value stay.
pub(super) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = text.to_owned();
    for (name, range) in placeholders(text).into_iter().rev() {
        if let Some(value) = value(name) {
            filled.replace_range(range, &value);
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_filled_in_wherever_it_is_named() {
        let filled = Program::in_folder("{{dir}}/a:{{ dir }}/b {{other}} {{", Path::new("/x"));
        assert_eq!(filled, "/x/a:/x/b {{other}} {{");
    }
}
