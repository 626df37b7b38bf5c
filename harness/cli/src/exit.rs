//! How the program ends.

use std::process::ExitCode;

use super::output::warn;
use conformance::Report;
use matrix::Matrix;
use model::outcome::{Counts, Outcome};

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
    /// The worst of what a run came to.
    pub fn of(outcome: &Outcome) -> Self {
        let Counts { panicked, lab_broke, failed, .. } = outcome.counts();
        let interrupted = outcome.interrupted;
        Wrong { interrupted, panicked, lab_broke, failed }.exit()
    }

    /// The worst of what was found of a peer.
    pub fn of_conformance(report: &Report) -> Self {
        let counts = report.counts();
        let wrong = Wrong {
            interrupted: report.interrupted,
            panicked: report.cases.iter().filter(|case| case.is_our_fault()).count(),
            lab_broke: counts.broke + usize::from(report.given_up.is_some()),
            failed: counts.fails,
        };
        let told = report.cases.len() - counts.skipped;
        match wrong.exit() {
            Self::Success if told == 0 => Self::NothingSelected,
            exit => exit,
        }
    }

    /// The worst of what a matrix came to; a failure that is expected and does not come is one.
    pub fn of_matrix(matrix: &Matrix) -> Self {
        let counts = matrix.counts();
        let failed = counts.failed + counts.unexpected_passes;
        let (panicked, lab_broke) = (counts.panicked, counts.lab_broke);
        Wrong { interrupted: matrix.interrupted, panicked, lab_broke, failed }.exit()
    }
}

/// How a run ends by what went wrong in it, worst first.
struct Wrong {
    interrupted: bool,
    panicked: usize,
    lab_broke: usize,
    failed: usize,
}

impl Wrong {
    fn exit(&self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.panicked > 0 {
            Exit::Internal
        } else if self.lab_broke > 0 {
            Exit::Lab
        } else if self.failed > 0 {
            Exit::Failed
        } else {
            Exit::Success
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
