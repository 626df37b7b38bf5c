//! Reports: pure functions of results, and the files that some of them go to.

#![forbid(unsafe_code)]

pub mod conformance;
mod format;
mod json;
mod junit;
pub mod markdown;
pub mod matrix;
pub mod run;
mod target;
pub mod terminal;

use std::path::Path;

pub use self::format::Format;
pub use self::target::{Target, TargetError};
use diagnostics::Palette;
use results::{Results, ScenarioOutcome, Status};

/// A kind of results, laid out for the formats.
pub trait Reported: Results {
    /// The parts of the last line.
    const SUMMARY: &'static [Part];

    /// The scenarios, cases or cells; those of one group stand together.
    fn entries(&self) -> Vec<Entry<'_>>;

    /// The whole as Markdown.
    fn markdown(&self) -> String;
}

/// A part of the last line: what is counted, in which words, and how that looks.
type Part = (&'static [Status], &'static str, Tone);

/// How a word is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As what went well.
    Good,
    /// As what went wrong.
    Bad,
    /// As what did not take place, or only so far.
    Doubtful,
    /// As what is of lesser weight.
    Faint,
    /// As any other text.
    Plain,
}

impl Tone {
    /// The text in this tone.
    fn paint(self, palette: Palette, text: &str) -> String {
        match self {
            Self::Good => palette.good(text),
            Self::Bad => palette.bad(text),
            Self::Doubtful => palette.doubtful(text),
            Self::Faint => palette.faint(text),
            Self::Plain => text.to_owned(),
        }
    }
}

/// A scenario, a case or a cell, as formats see it.
#[derive(Debug)]
pub struct Entry<'a> {
    group: String,
    name: String,
    status: Status,
    /// Why it ended so, in a few words.
    message: Option<String>,
    /// What went wrong, in full.
    explanation: Option<String>,
    /// What happened; nothing if it was not finished.
    outcome: Option<&'a ScenarioOutcome>,
    file: Option<&'a Path>,
}

impl<'a> Entry<'a> {
    /// A scenario that was finished.
    fn of(group: &str, name: &str, outcome: &'a ScenarioOutcome) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            status: outcome.verdict.status(),
            message: outcome.verdict.reason().map(str::to_owned),
            explanation: terminal::explanation(outcome, Palette::plain()),
            outcome: Some(outcome),
            file: Some(&outcome.path),
        }
    }

    /// One that was not finished.
    fn unfinished(group: &str, name: &str, message: &str, file: Option<&'a Path>) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            status: Status::Unfinished,
            message: Some(message.to_owned()),
            explanation: None,
            outcome: None,
            file,
        }
    }
}

#[cfg(test)]
mod tests;
