//! Reports: pure functions of results, and the files they are written to.

#![forbid(unsafe_code)]

pub mod conformance;
mod format;
pub mod json;
mod junit;
pub mod markdown;
pub mod matrix;
mod place;
pub mod run;
mod target;
pub mod terminal;

use std::borrow::Cow;
use std::path::Path;

pub use self::format::Format;
pub use self::place::ReportPlace;
pub use self::target::{Target, TargetError};
use diagnostics::Palette;
use results::{Results, ScenarioOutcome, Status, Verdict};

/// Results of some kind, laid out for the formats.
pub trait Reported: Results {
    /// Parts of the summary line.
    const SUMMARY: &'static [Part];

    /// The scenarios, cases or cells. Those of one group are adjacent.
    fn entries(&self) -> Vec<Entry<'_>>;

    /// The Markdown report.
    fn markdown(&self) -> String;
}

/// A part of the summary line: what is counted, its description, and its tone.
type Part = (&'static [Status], &'static str, Tone);

/// Meaning of a word, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A success.
    Good,
    /// A failure.
    Bad,
    /// Something that did not happen, or only in part.
    Doubtful,
    /// A text of less importance.
    Faint,
    /// Any other text.
    Plain,
}

impl Tone {
    /// Colours a text.
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

/// Why something in these results was not finished.
fn why_unfinished(results: &impl Results) -> &'static str {
    if results.is_interrupted() {
        "the run was interrupted before this was finished"
    } else {
        "an internal error ended the run before this was finished"
    }
}

/// A scenario, a case or a cell, as all formats see it.
#[derive(Debug)]
pub struct Entry<'a> {
    group: String,
    name: String,
    status: Status,
    /// The reason of its status, in a few words.
    message: Option<String>,
    /// Full explanation of a failure.
    explanation: Option<String>,
    /// The result; none if it was not finished.
    outcome: Option<&'a ScenarioOutcome>,
    file: Option<&'a Path>,
}

impl<'a> Entry<'a> {
    /// A finished entry.
    fn of(group: &str, name: &str, outcome: &'a ScenarioOutcome) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            status: outcome.verdict.status(),
            message: reason(&outcome.verdict),
            explanation: terminal::explanation(outcome, false, Palette::plain()),
            outcome: Some(outcome),
            file: Some(&outcome.path),
        }
    }

    /// An unfinished entry.
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

/// The reason of a verdict in a few words; that of a skip begins with its kind for programs, and shows what was seen.
fn reason(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Skipped(skip) => Some(format!("{}: {skip}", skip.because)),
        other => other.reason().map(Cow::into_owned),
    }
}

#[cfg(test)]
mod tests;
