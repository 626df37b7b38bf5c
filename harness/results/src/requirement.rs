//! What RFC 8894 requires, as a table: one entry for each requirement that a server or a client can be held to.

mod table;

use serde::Serialize;

scep::named! {
    /// How strongly something is required (RFC 2119).
    #[derive(PartialOrd, Ord)]
    Level, "level" {
        /// An absolute requirement, or prohibition.
        Must = "MUST";
        /// A duty, unless there are reasons against it.
        Should = "SHOULD";
        /// A choice; what is tested is that it is done right if it is done, and survived if it is not.
        May = "MAY";
    }
}

scep::named! {
    /// Which end of the protocol is required to do something.
    #[derive(PartialOrd, Ord)]
    End, "end" {
        /// The CA.
        Server = "server";
        /// The client.
        Client = "client";
    }
}

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Its number in this project's list, which does not change.
    pub id: &'static str,
    /// Who is held to it.
    pub ends: &'static [End],
    /// How strongly.
    pub level: Level,
    /// The section of RFC 8894.
    pub section: &'static str,
    /// The RFC's own words.
    pub sentence: &'static str,
    /// Why no case can tell, where none can; for the ends that it names.
    pub untestable: &'static [(End, &'static str)],
}

impl Requirement {
    /// All of them, by their numbers.
    pub const ALL: &'static [Self] = table::REQUIREMENTS;

    /// The one of that number.
    pub fn of_id(id: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|requirement| requirement.id == id)
    }

    /// Why no case can tell for this end, where none can.
    pub fn untestable_for(&self, end: End) -> Option<&'static str> {
        self.untestable.iter().find(|(of, _)| *of == end).map(|(_, reason)| *reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_order_and_each_is_there_once() {
        let ids: Vec<&str> = Requirement::ALL.iter().map(|requirement| requirement.id).collect();
        let expected: Vec<String> = (1..=52).map(|number| format!("R{number:02}")).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn each_is_somebody_s_and_what_is_untestable_is_so_for_one_of_them() {
        for requirement in Requirement::ALL {
            assert!(!requirement.ends.is_empty(), "{}", requirement.id);
            for (end, reason) in requirement.untestable {
                assert!(requirement.ends.contains(end) && !reason.is_empty(), "{}", requirement.id);
            }
        }
    }
}
