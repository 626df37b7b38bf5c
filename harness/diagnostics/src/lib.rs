//! Mistakes in files, with their places.

#![forbid(unsafe_code)]

pub mod bugs;
mod difference;
mod masking;
mod palette;
mod render;
mod source;
pub mod yaml;

use std::fmt;

pub use redact::{ci_commands, must_be_escaped, visible, visible_lines};
pub use scep::suggestion::{closest, did_you_mean, suggestions};

pub use self::difference::word_difference;
pub use self::masking::{QUOTE, are_searched, searched};
pub use self::palette::Palette;
pub use self::render::{Frame, render};
pub use self::source::{
    Beside, Excerpt, Located, Place, SIZE_LIMIT, Source, Unreadable, floor_char_boundary,
};

/// The maximum number of known names that are listed beside a suggestion.
const LISTED: usize = 40;

/// The maximum number of known names that are listed without one.
const LISTED_ALONE: usize = 250;

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

    /// Suggests the known names that were probably meant, and lists all known names unless they are many.
    #[must_use]
    pub fn known<'a>(
        self,
        given: &str,
        what: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let meant = suggestions(given, &names);
        let is_long = names.len() > LISTED && !meant.is_empty();
        let this = match did_you_mean(&meant) {
            Some(question) => self.label(question),
            None => self,
        };
        if names.is_empty() || is_long {
            return this;
        }
        let listed = names.iter().take(LISTED_ALONE).map(|name| format!("`{name}`"));
        let list = listed.collect::<Vec<_>>().join(", ");
        let more = match names.len().saturating_sub(LISTED_ALONE) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        this.note(format!("{what}: {list}{more}"))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render("error", self, Palette::plain()))
    }
}

/// A count with its noun: `1 case`, `2 cases`; the plural is formed with an `s`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
