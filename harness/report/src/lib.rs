//! Reports: pure functions of an outcome, and the files that some of them go to.

#![forbid(unsafe_code)]

pub mod conformance;
mod json;
mod junit;
mod markdown;
pub mod matrix;
mod prompt;
mod target;
pub mod terminal;

pub use self::target::{Kind, Target, TargetError};
use model::outcome::Outcome;

/// The text of a report.
pub fn text(kind: Kind, outcome: &Outcome) -> String {
    match kind {
        Kind::Junit => junit::text(outcome),
        Kind::Json => json::text(outcome),
        Kind::Markdown => markdown::text(outcome),
    }
}

#[cfg(test)]
pub mod samples;
