//! The formats of report files.

use super::{Reported, json, junit};

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `JUnit` XML.
    Junit,
    /// JSON.
    Json,
    /// A Markdown table.
    Markdown,
}

impl Format {
    /// All formats by their names on the command line.
    pub const ALL: [(&'static str, Self); 3] =
        [("junit", Self::Junit), ("json", Self::Json), ("markdown", Self::Markdown)];

    /// The format with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// The text of a report.
    pub fn text<R: Reported>(self, report: &R) -> String {
        match self {
            Self::Junit => junit::text(report),
            Self::Json => json::text(report),
            Self::Markdown => report.markdown(),
        }
    }

    /// All names, each formatted by `pattern`, with `last` before the last one.
    pub fn names(pattern: impl Fn(&str) -> String, last: &str) -> String {
        let names = Self::ALL.map(|(name, _)| pattern(name));
        match names.split_last() {
            Some((end, names)) => [&names.join(", "), last, end].concat(),
            None => String::new(),
        }
    }
}
