//! How the program ends.

use std::fmt::Display;
use std::process::ExitCode;

use super::output::{self, warn};
use diagnostics::Diagnostic;
use model::scenario::LoadErrors;
use results::{ConformanceReport, Results, Status};
use testbed::TestbedError;

/// The exit codes, as documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All passed, or was skipped.
    Success = 0,
    /// The program itself is at fault.
    Internal = 1,
    /// Wrong usage, or an invalid file.
    Usage = 2,
    /// A lab could not be built, or broke.
    Lab = 3,
    /// A check failed.
    Failed = 4,
    /// Nothing was selected, or the answer to a question was no.
    NothingSelected = 5,
    /// It was ended by Ctrl-C; 128 and the number of the signal, as shells have it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The worst of what a run, a test of conformance or a matrix came to.
    pub fn of(results: &impl Results) -> Self {
        let any = |statuses: &[Status]| results.count(statuses) > 0;
        if results.is_interrupted() {
            Self::Interrupted
        } else if any(&[Status::Panicked]) {
            Self::Internal
        } else if any(&[Status::LabBroke]) {
            Self::Lab
        } else if any(&[Status::Failed, Status::UnexpectedPass]) {
            Self::Failed
        } else {
            Self::Success
        }
    }

    /// The same of what was found of a peer, which may be silent, or of which nothing may be found out.
    pub fn of_peer(report: &ConformanceReport) -> Self {
        let is_skipped = |status| status == Status::Skipped;
        match Self::of(report) {
            Self::Success | Self::Failed if report.given_up.is_some() => Self::Lab,
            Self::Success if report.statuses().all(is_skipped) => Self::NothingSelected,
            exit => exit,
        }
    }

    /// A command that ends so before it is done, and why.
    pub(super) fn because(self, reason: impl Display) -> CommandError {
        self.with(vec![Diagnostic::general(reason.to_string())])
    }

    /// The same with all that is to be said of it.
    pub(super) fn with(self, diagnostics: Vec<Diagnostic>) -> CommandError {
        CommandError { exit: self, diagnostics }
    }
}

/// Why a command ended before it was done.
#[derive(Debug)]
pub(super) struct CommandError {
    exit: Exit,
    /// What is said of it; nothing if it was interrupted, or if all was said already.
    diagnostics: Vec<Diagnostic>,
}

impl CommandError {
    /// Says why the command ended, and returns how.
    pub(super) fn tell(self) -> Exit {
        output::diagnostics(&self.diagnostics);
        self.exit
    }
}

impl From<Exit> for CommandError {
    fn from(exit: Exit) -> Self {
        exit.with(Vec::new())
    }
}

/// What is wrong with files.
impl From<Vec<Diagnostic>> for CommandError {
    fn from(wrong: Vec<Diagnostic>) -> Self {
        Exit::Usage.with(wrong)
    }
}

impl From<LoadErrors> for CommandError {
    fn from(errors: LoadErrors) -> Self {
        Exit::Usage.with(errors.diagnostics().to_vec())
    }
}

impl From<TestbedError> for CommandError {
    fn from(error: TestbedError) -> Self {
        Exit::Lab.because(error)
    }
}

/// A panic is one line on stderr, and an outcome; its backtrace is for those who ask for it.
pub(super) fn quieten_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let words = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let words = words.unwrap_or("a panic without words");
        warn(&format!("error: internal error{place}: {words}"));
    }));
}

#[cfg(test)]
mod tests;
