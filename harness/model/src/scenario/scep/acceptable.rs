//! Outcomes that are acceptable, as conditions on facts.

use std::fmt;

use regex::Regex;

use super::{Fact, FactName};
use diagnostics::Place;

/// An outcome that is acceptable: all of its conditions hold.
#[derive(Debug, Clone)]
pub struct Acceptable<F = Fact> {
    /// What must hold.
    pub conditions: Vec<Condition<F>>,
    /// What a reader must know of this outcome, which conforms and is not the best one.
    pub note: Option<String>,
    /// Why the scenario says nothing of this PKI when this comes.
    pub skip: Option<String>,
    /// Where it stands in the file.
    pub place: Place,
}

/// A condition on a fact.
#[derive(Debug, Clone)]
pub struct Condition<F = Fact> {
    /// The fact.
    pub fact: F,
    /// Its values, of which one must be the actual one.
    pub expected: Vec<Expected>,
    /// Where it stands in the file.
    pub place: Place,
}

/// A value that is expected.
#[derive(Debug, Clone)]
pub enum Expected {
    /// This very text; `{{name}}` stands for what was saved.
    Text(String),
    /// Anything else than this text.
    Not(String),
    /// A number from, to.
    Range(u64, u64),
    /// A text that matches.
    Matches(Regex),
}

impl<F> Condition<F> {
    /// Whether the actual value is one of those expected; `text` fills in what was saved.
    pub fn holds(&self, actual: &str, text: impl Fn(&str) -> String) -> bool {
        self.expected.iter().any(|expected| match expected {
            Expected::Text(wanted) => text(wanted) == actual,
            Expected::Not(unwanted) => text(unwanted) != actual,
            Expected::Range(from, to) => {
                actual.parse().is_ok_and(|number: u64| (*from..=*to).contains(&number))
            }
            Expected::Matches(regex) => regex.is_match(actual),
        })
    }
}

impl<F: FactName> fmt::Display for Condition<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.expected.iter().map(ToString::to_string).collect();
        write!(f, "{} {}", self.fact.name(), values.join(" or "))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Not(text) => write!(f, "not {text}"),
            Self::Range(from, to) if *to == u64::MAX => write!(f, "at least {from}"),
            Self::Range(from, to) => write!(f, "{from} to {to}"),
            Self::Matches(regex) => write!(f, "/{regex}/"),
        }
    }
}

impl<F: FactName> fmt::Display for Acceptable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        f.write_str(&conditions.join(", "))
    }
}
