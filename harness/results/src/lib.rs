//! Results of runs, of tests of conformance and of matrices: plain data, from which every report is made.

#![forbid(unsafe_code)]

mod conformance;
mod known_failure;
mod matrix;
mod outcome;
pub mod requirement;
mod status;

use std::time::Duration;

use serde::Serialize;

pub use self::conformance::{Case, ConformanceReport, RequirementResult};
pub use self::known_failure::{Date, KnownFailure};
pub use self::matrix::{Cell, Matrix, Row, Unmatched};
pub use self::outcome::{
    Failure, Finding, LogLine, Outcome, Received, ReceivedState, ScenarioOutcome, Sent,
    StepOutcome, Unfinished, Verdict,
};
pub use self::status::{Reason, Standing, Status};

/// What the results of a run, of a test of conformance and of a matrix have in common.
pub trait Results: Serialize {
    /// The status of each scenario, case or cell.
    fn statuses(&self) -> impl Iterator<Item = Status>;

    /// How long it took.
    fn elapsed(&self) -> Duration;

    /// Whether it was ended before its time.
    fn is_interrupted(&self) -> bool;

    /// How many scenarios, cases or cells have one of these statuses.
    fn count(&self, statuses: &[Status]) -> usize {
        self.statuses().filter(|status| statuses.contains(status)).count()
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
