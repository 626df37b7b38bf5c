//! How an entry of a report stands: a scenario, a case of conformance, or a cell of a matrix.

use serde::Serialize;

use crate::{Failure, KnownFailure, Verdict};

/// How an entry of a report ended; in the order of weight among the cases of one requirement: a skip says least, a failure
/// most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It cannot be run here, or says nothing.
    Skipped,
    /// All was as expected.
    Passed,
    /// It passed, and was known to fail: good news.
    Vanished,
    /// It passed, and there is something to know; or it failed, and does not have to pass.
    Noted,
    /// It failed, as is known.
    ExpectedFailure,
    /// It was not finished when the run ended.
    Unfinished,
    /// The lab could not be built, or broke.
    LabBroke,
    /// The program itself is at fault.
    Panicked,
    /// It passed, and must be known to pass before a failure counts again.
    UnexpectedPass,
    /// Something was not as expected.
    Failed,
}

/// How an entry stands once what happened is held against what is known beforehand, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Standing {
    /// All was as expected.
    Passed,
    /// It passed, and there is something to know; or it failed, and does not have to pass.
    Noted {
        /// What there is to know.
        notes: Vec<String>,
    },
    /// It failed, and is not known to, or not for this reason.
    Failed {
        /// Where and why.
        reason: Reason,
        /// A known failure that does not excuse this one: another, or one whose time is over.
        expected: Option<KnownFailure>,
    },
    /// It failed, as is known.
    ExpectedFailure {
        /// Where and why.
        reason: Reason,
        /// What is known.
        expected: KnownFailure,
    },
    /// It passed, although it is known to fail, and the file that says so must be corrected.
    UnexpectedPass {
        /// What was known.
        expected: KnownFailure,
    },
    /// It passed, although it was known to fail: good news.
    Vanished {
        /// What was known.
        expected: KnownFailure,
    },
    /// It cannot be run here, or says nothing.
    Skipped {
        /// Why.
        reason: String,
    },
    /// The lab could not be built, or broke.
    LabBroke {
        /// What happened.
        reason: String,
    },
    /// The program itself is at fault.
    Panicked {
        /// The message of the panic.
        message: String,
    },
    /// It was not finished when the run ended.
    Unfinished,
}

/// Where and why a scenario failed, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The SCEP exchange that failed, such as `PKCSReq`; if it was none, the step, such as `step 3`.
    pub stage: String,
    /// Why, in one line.
    pub text: String,
}

impl Status {
    /// Each status by its name among the counts of a report.
    pub const COUNTED: [(&'static str, Self); 10] = [
        ("passed", Self::Passed),
        ("noted", Self::Noted),
        ("failed", Self::Failed),
        ("expected_failures", Self::ExpectedFailure),
        ("unexpected_passes", Self::UnexpectedPass),
        ("vanished", Self::Vanished),
        ("skipped", Self::Skipped),
        ("lab_broke", Self::LabBroke),
        ("panicked", Self::Panicked),
        ("unfinished", Self::Unfinished),
    ];
}

impl Standing {
    /// Its status without the reasons.
    pub fn status(&self) -> Status {
        match self {
            Self::Passed => Status::Passed,
            Self::Noted { .. } => Status::Noted,
            Self::Failed { .. } => Status::Failed,
            Self::ExpectedFailure { .. } => Status::ExpectedFailure,
            Self::UnexpectedPass { .. } => Status::UnexpectedPass,
            Self::Vanished { .. } => Status::Vanished,
            Self::Skipped { .. } => Status::Skipped,
            Self::LabBroke { .. } => Status::LabBroke,
            Self::Panicked { .. } => Status::Panicked,
            Self::Unfinished => Status::Unfinished,
        }
    }
}

impl Reason {
    /// The step that failed, and what is wrong with it.
    pub fn of_step(failure: &Failure) -> Self {
        Self { stage: format!("step {}", failure.step), text: failure.message.clone() }
    }
}

impl From<Verdict> for Standing {
    /// How a scenario stands of which nothing is known beforehand.
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed(failure) => {
                Self::Failed { reason: Reason::of_step(&failure), expected: None }
            }
            Verdict::Skipped { reason } => Self::Skipped { reason },
            Verdict::LabBroke { reason } => Self::LabBroke { reason },
            Verdict::Panicked { message } => Self::Panicked { message },
        }
    }
}
