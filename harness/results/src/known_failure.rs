//! Known failures.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::macros::format_description;

/// A failure that a ledger or a target file lists as known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownFailure {
    /// Reason of the failure.
    pub because: String,
    /// Evidence for the reason.
    pub source: String,
    /// Ticket about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Last day on which it is excused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Path and line of its entry.
    pub at: String,
}

/// A calendar day, `2026-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(time::Date);

impl KnownFailure {
    /// True if it is no longer excused.
    pub fn has_expired(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }

    /// Text for a failure that is no longer excused.
    pub fn no_longer_excused(&self) -> String {
        format!("no longer excused: {self}")
    }
}

impl fmt::Display for KnownFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.because, self.source)?;
        if let Some(ticket) = &self.ticket {
            write!(f, "; {ticket}")?;
        }
        if let Some(until) = &self.until {
            write!(f, "; until {until}")?;
        }
        f.write_str(")")
    }
}

impl Date {
    /// Today, in UTC.
    pub fn today() -> Self {
        Self(time::OffsetDateTime::from(scep::clock::Clock::system().now()).date())
    }
}

impl FromStr for Date {
    type Err = time::error::Parse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        time::Date::parse(text, format_description!("[year]-[month]-[day]")).map(Self)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

scep::serde_as_text!(Date);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_rejected() {
        for wrong in ["2026-02-30", "2026-13-01", "26-01-01", "2026-1-1", "2026-+1-01", ""] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        assert_eq!("2026-02-28".parse::<Date>().unwrap().to_string(), "2026-02-28");
    }
}
