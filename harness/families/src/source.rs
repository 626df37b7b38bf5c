//! Where a fact about a client is from.

use std::fmt;

/// The public source of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The program's own code, at this address.
    Code(&'static str),
    /// A document of the vendor or project, at this address.
    Documentation(&'static str),
    /// A report of users or maintainers, at this address.
    Issue(&'static str),
    /// Bytes that this version of the program sent, as recorded.
    Capture(&'static str),
    /// A file of this project.
    Own(&'static str),
}

impl Source {
    /// The address, the version or the file.
    pub fn place(self) -> &'static str {
        match self {
            Self::Code(place)
            | Self::Documentation(place)
            | Self::Issue(place)
            | Self::Capture(place)
            | Self::Own(place) => place,
        }
    }

    /// The kind of source, in words.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Code(_) => "its source",
            Self::Documentation(_) => "documentation",
            Self::Issue(_) => "a report",
            Self::Capture(_) => "seen in a capture of",
            Self::Own(_) => "this program's source",
        }
    }

    #[cfg(test)]
    pub(crate) fn assert_named(self, what: &str) {
        let place = self.place();
        match self {
            Self::Code(_) | Self::Documentation(_) | Self::Issue(_) => {
                assert!(place.starts_with("https://"), "{place} is no address: {what}");
                assert!(!place.contains(char::is_whitespace), "{place}: {what}");
            }
            Self::Capture(_) => {
                assert!(place.contains(|c: char| c.is_ascii_digit()), "no version: {what}");
            }
            Self::Own(_) => assert!(!place.is_empty(), "{what}"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(version) => write!(f, "{} {version}", self.kind()),
            _ => write!(f, "{}: {}", self.kind(), self.place()),
        }
    }
}
