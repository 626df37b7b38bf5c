//! Results of scenario runs, conformance tests and matrices: plain data, from which all reports are made.

#![forbid(unsafe_code)]

mod breakage;
mod conformance;
mod known_failure;
mod matrix;
mod message;
mod outcome;
pub mod requirement;
mod roll_up;
mod skip;
mod status;

use std::time::Duration;

use serde::Serialize;

pub use self::breakage::Breakage;
pub use self::conformance::{Case, ConformanceReport};
pub use self::known_failure::{Date, KnownFailure};
pub use self::matrix::{Cell, Matrix, Row, Unmatched};
pub use self::message::{FailedMessage, MessageInShort};
pub use self::outcome::{
    Failure, Finding, LogLine, Outcome, Received, ReceivedState, RefusedExchange, Reply,
    ScenarioOutcome, Sent, ServerState, StepOutcome, Unfinished, Verdict,
};
pub use self::roll_up::{RequirementResult, RequirementVerdict, SkippedCase};
pub use self::skip::{Skip, SkipCause};
pub use self::status::{Assessment, Reason, Status};

/// The common part of all results.
pub trait Results: Serialize {
    /// The status of each scenario, case or cell.
    fn statuses(&self) -> impl Iterator<Item = Status>;

    /// Duration.
    fn elapsed(&self) -> Duration;

    /// True if it was interrupted.
    fn is_interrupted(&self) -> bool;

    /// A warning about all of it, such as that the server was not verified.
    fn caution(&self) -> Option<&str> {
        None
    }

    /// Number of scenarios, cases or cells with one of these statuses.
    fn count(&self, statuses: &[Status]) -> usize {
        self.statuses().filter(|status| statuses.contains(status)).count()
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
