//! Mistakes in files, with their places.

#![forbid(unsafe_code)]

mod masking;
mod palette;
mod render;
mod source;
pub mod yaml;

use std::fmt;

pub use redact::visible;

pub use self::masking::QUOTE;
pub use self::palette::Palette;
pub use self::render::{Frame, render};
pub use self::source::{Excerpt, Located, Place, SIZE_LIMIT, Source};
pub use self::source::{SHOWN, floor_char_boundary};

/// A mistake, usually in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Place of the mistake.
    pub location: Location,
    /// The mistake, as a fragment: "unknown field `mathces` in a run step".
    pub message: String,
    /// Text beside the carets; may be empty.
    pub label: String,
    /// Further lines: known alternatives, advice.
    pub notes: Vec<String>,
}

/// Place of a mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// Not in a file.
    Nowhere,
    /// In a file as a whole. The path is as the user gave it.
    File(String),
    /// At a place in a file.
    Excerpt(Box<Excerpt>),
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn at(place: &Place, message: impl Into<String>) -> Self {
        Self::with(Location::Excerpt(Box::new(place.excerpt())), message)
    }

    /// A mistake about a file as a whole.
    pub fn of_file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::with(Location::File(path.into()), message)
    }

    /// A mistake that is not about a file.
    pub fn general(message: impl Into<String>) -> Self {
        Self::with(Location::Nowhere, message)
    }

    fn with(location: Location, message: impl Into<String>) -> Self {
        Self { location, message: message.into(), label: String::new(), notes: Vec::new() }
    }

    /// Sets the text beside the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Suggests the known name that was probably meant, and lists all known names.
    #[must_use]
    pub fn known<'a>(
        self,
        given: &str,
        what: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let this = match closest(given, names.iter().copied()) {
            Some(name) => self.label(format!("did you mean `{name}`?")),
            None => self,
        };
        if names.is_empty() {
            return this;
        }
        let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        this.note(format!("{what}: {list}"))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render("error", self, Palette::plain()))
    }
}

/// The known name that a misspelt one probably means.
pub fn closest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long names are not searched, because a comparison costs the product of the lengths.
    if given.is_empty() || given.len() > 100 {
        return None;
    }
    let lower = given.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1.max(name.chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A count with its noun: `1 case`, `2 cases`; the plural is formed with an `s`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_another_name_is_not() {
        let names = ["matches", "contains", "within"];
        assert_eq!(closest("mathces", names), Some("matches"));
        assert_eq!(closest("Contain", names), Some("contains"));
        assert_eq!(closest("colour", names), None);
    }

    #[test]
    fn wrong_case_is_a_misspelling() {
        assert_eq!(closest("dut0", ["DUT0", "DUT1"]), Some("DUT0"));
    }
}
