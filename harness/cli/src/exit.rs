//! How the program ends.

use std::process::ExitCode;

use super::output::warn;
use results::{ConformanceReport, Results, Status};

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
        let counts = results.counts();
        let any = |statuses: &[Status]| counts.of(statuses) > 0;
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
