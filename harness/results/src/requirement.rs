//! The requirements of RFC 8894 as a table, one entry for each that a server or a client must meet.

mod table;

use std::fmt;

use serde::Serialize;

scep::named! {
    /// Level of a requirement (RFC 2119), or of a case.
    #[derive(PartialOrd, Ord)]
    Level, "level" {
        /// An absolute requirement or prohibition.
        Must = "MUST";
        /// A duty, unless there are reasons against it.
        Should = "SHOULD";
        /// A choice. Cases test that a peer that makes it does it right, and that one that does not survives it.
        May = "MAY";
        /// Good sense that no sentence of the RFC demands. It never decides the result of a run.
        Advice = "advice";
    }
}

scep::named! {
    /// End of the protocol.
    #[derive(PartialOrd, Ord)]
    End, "end" {
        /// The CA.
        Server = "server";
        /// The client.
        Client = "client";
    }
}

/// The ground on which a case expects a behaviour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Basis {
    /// A sentence of RFC 8894.
    Text {
        /// Section.
        section: String,
        /// The sentence, or its part about the behaviour.
        sentence: String,
        /// The end that may choose what the sentence says. The other end must be prepared for it (RFC 2119 §5).
        #[serde(skip_serializing_if = "Option::is_none")]
        option_of: Option<End>,
    },
    /// Good sense; no sentence of RFC 8894 demands it.
    Advice {
        /// The reason for it.
        reason: String,
    },
}

impl Basis {
    /// The section as reports show it; `–` if there is none.
    pub fn section(&self) -> String {
        match self {
            Self::Text { section, .. } => format!("§{section}"),
            Self::Advice { .. } => "–".to_owned(),
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { section, sentence, option_of } => {
                write!(f, "RFC 8894 §{section}: \u{201c}{sentence}\u{201d}")?;
                option_of.map_or(Ok(()), |end| {
                    write!(f, "; that is a choice of the {end}, and the other end must be prepared for it (RFC 2119 §5)")
                })
            }
            Self::Advice { reason } => write!(f, "RFC 8894 does not demand it: {reason}"),
        }
    }
}

/// A requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Number in this project's list; it never changes.
    pub id: &'static str,
    /// The ends that must meet it.
    pub ends: &'static [End],
    /// Level.
    pub level: Level,
    /// Section of RFC 8894.
    pub section: &'static str,
    /// Sentence of the RFC.
    pub sentence: &'static str,
    /// Ends that no case can test, with the reason.
    pub untestable: &'static [(End, &'static str)],
}

impl Requirement {
    /// All requirements in order.
    pub const ALL: &'static [Self] = table::REQUIREMENTS;

    /// The requirement with this number.
    pub fn of_id(id: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|requirement| requirement.id == id)
    }

    /// The reason why no case can test this end, if so.
    pub fn untestable_for(&self, end: End) -> Option<&'static str> {
        self.untestable.iter().find(|(of, _)| *of == end).map(|(_, reason)| *reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_complete_and_in_order() {
        let ids: Vec<&str> = Requirement::ALL.iter().map(|requirement| requirement.id).collect();
        let expected: Vec<String> = (1..=85).map(|number| format!("R{number:02}")).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn requirements_have_ends_and_untestable_ends_are_among_them() {
        for requirement in Requirement::ALL {
            assert!(!requirement.ends.is_empty(), "{}", requirement.id);
            for (end, reason) in requirement.untestable {
                assert!(requirement.ends.contains(end) && !reason.is_empty(), "{}", requirement.id);
            }
        }
    }
}
