//! Exit codes, and errors that end a command.

use std::fmt::Display;
use std::process::ExitCode;

use super::output;
use diagnostics::Diagnostic;
use model::scenario::LoadErrors;
use results::{Case, ConformanceReport, Results, Status};
use testbed::TestbedError;

/// The exit codes, as documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything passed or was skipped.
    Success = 0,
    /// An internal error.
    Internal = 1,
    /// Wrong usage, or an invalid file.
    Usage = 2,
    /// A lab could not be built, or broke.
    Lab = 3,
    /// A check failed.
    Failed = 4,
    /// Nothing was selected, or the answer to a question was no.
    NothingSelected = 5,
    /// Interrupted by Ctrl-C: 128 and the number of the signal, as in shells.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The exit code for the worst result of a run, a test of conformance or a matrix.
    pub fn of(results: &impl Results) -> Self {
        let any = |statuses: &[Status]| results.count(statuses) > 0;
        if results.is_interrupted() {
            Self::Interrupted
        } else if any(&[Status::Panicked]) {
            Self::Internal
        } else if any(&[Status::Untried, Status::LabBroke]) {
            Self::Lab
        } else if any(&[Status::Failed, Status::UnexpectedPass]) {
            Self::Failed
        } else {
            Self::Success
        }
    }

    /// The exit code for a test of a peer, which may also stop answering or leave all cases skipped.
    pub fn of_peer(report: &ConformanceReport) -> Self {
        let is_skipped = |status| status == Status::Skipped;
        let ended_server = report.cases.iter().any(Case::ended_server);
        match Self::of(report) {
            // The cases that could not be tried afterwards follow from this finding.
            Self::Lab | Self::Failed if ended_server => Self::Failed,
            Self::Success | Self::Failed if report.given_up.is_some() => Self::Lab,
            Self::Success if report.statuses().all(is_skipped) => Self::NothingSelected,
            exit => exit,
        }
    }

    /// An error that ends a command with this exit code for `reason`.
    pub(super) fn because(self, reason: impl Display) -> CommandError {
        self.with(vec![Diagnostic::general(reason.to_string())])
    }

    /// An error that ends a command with this exit code and these diagnostics.
    pub(super) fn with(self, diagnostics: Vec<Diagnostic>) -> CommandError {
        CommandError { exit: self, diagnostics }
    }
}

/// An error that ends a command.
#[derive(Debug)]
pub(super) struct CommandError {
    exit: Exit,
    /// The messages; none after an interruption, or if they were shown already.
    diagnostics: Vec<Diagnostic>,
}

impl CommandError {
    /// The same with further mistakes in files.
    pub(super) fn and(self, more: Vec<Diagnostic>) -> Self {
        let all = LoadErrors::new([self.diagnostics, more].concat());
        self.exit.with(all.diagnostics().to_vec())
    }

    /// Prints the messages and returns the exit code.
    pub(super) fn report(self) -> Exit {
        output::diagnostics(&self.diagnostics);
        self.exit
    }
}

impl From<Exit> for CommandError {
    fn from(exit: Exit) -> Self {
        exit.with(Vec::new())
    }
}

/// Mistakes in files.
impl From<Vec<Diagnostic>> for CommandError {
    fn from(wrong: Vec<Diagnostic>) -> Self {
        Exit::Usage.with(wrong)
    }
}

/// Mistakes in scenarios and labs, whose secrets are masked from now on.
impl From<LoadErrors> for CommandError {
    fn from(errors: LoadErrors) -> Self {
        output::hide_of_files(errors.secrets());
        Exit::Usage.with(errors.diagnostics().to_vec())
    }
}

impl From<TestbedError> for CommandError {
    fn from(error: TestbedError) -> Self {
        Exit::Lab.because(error)
    }
}

#[cfg(test)]
mod tests;
