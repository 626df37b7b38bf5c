//! The assessment of an entry of a report: a scenario, a case, or a cell of a matrix.

use serde::Serialize;

use crate::{Breakage, Failure, KnownFailure, Skip, Verdict};

/// The kind of an assessment. Among the cases of one requirement the greatest counts: a skip says least, a failure most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The entry cannot be run here, or proves nothing.
    Skipped,
    /// All was as expected.
    Passed,
    /// The entry passed, although it was known to fail: good news.
    Vanished,
    /// The entry passed with a remark.
    Noted,
    /// The entry failed, but need not pass.
    Unmet,
    /// The entry failed as known.
    ExpectedFailure,
    /// The entry was not finished when the run ended.
    Unfinished,
    /// The server was gone before the entry, which sent nothing.
    Untried,
    /// The lab could not be built, or broke.
    LabBroke,
    /// The program has a bug.
    Panicked,
    /// The entry passed although it is known to fail; the ledger must be corrected before a failure counts again.
    UnexpectedPass,
    /// Something was not as expected.
    Failed,
}

/// The result of an entry, compared with known failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Assessment {
    /// All was as expected.
    Passed,
    /// The entry passed with a remark.
    Noted {
        /// Remarks.
        notes: Vec<String>,
    },
    /// The entry failed, but need not pass.
    Unmet {
        /// What it did not do, and why that does not count.
        notes: Vec<String>,
    },
    /// The entry failed, and no known failure excuses that.
    Failed {
        /// Stage and reason of the failure.
        reason: Reason,
        /// A known failure that does not excuse this one: it has another reason, or it has expired.
        expected: Option<KnownFailure>,
    },
    /// The entry failed as known.
    ExpectedFailure {
        /// Stage and reason of the failure.
        reason: Reason,
        /// The known failure.
        expected: KnownFailure,
    },
    /// The entry passed although it is known to fail; the file that says so must be corrected.
    UnexpectedPass {
        /// The known failure.
        expected: KnownFailure,
    },
    /// The entry passed, although it was known to fail: good news.
    Vanished {
        /// The known failure.
        expected: KnownFailure,
    },
    /// The entry cannot be run here, or proves nothing.
    Skipped(Skip),
    /// The lab could not be built, or broke.
    LabBroke {
        /// Reason.
        reason: Breakage,
    },
    /// The program has a bug.
    Panicked {
        /// The message of the panic.
        message: String,
    },
    /// The entry was not finished when the run ended.
    Unfinished,
}

/// Stage and reason of a failure, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The SCEP exchange that failed, such as `PKCSReq`; otherwise the step, such as `step 3`.
    pub stage: String,
    /// The reason in one line.
    pub text: String,
}

impl Status {
    /// Statuses by their names in the counts of a report.
    pub const COUNTED: [(&'static str, Self); 12] = [
        ("passed", Self::Passed),
        ("noted", Self::Noted),
        ("unmet", Self::Unmet),
        ("failed", Self::Failed),
        ("expected_failures", Self::ExpectedFailure),
        ("unexpected_passes", Self::UnexpectedPass),
        ("vanished", Self::Vanished),
        ("skipped", Self::Skipped),
        ("untried", Self::Untried),
        ("lab_broke", Self::LabBroke),
        ("panicked", Self::Panicked),
        ("unfinished", Self::Unfinished),
    ];
}

impl Assessment {
    /// The status, without reasons.
    pub fn status(&self) -> Status {
        match self {
            Self::Passed => Status::Passed,
            Self::Noted { .. } => Status::Noted,
            Self::Unmet { .. } => Status::Unmet,
            Self::Failed { .. } => Status::Failed,
            Self::ExpectedFailure { .. } => Status::ExpectedFailure,
            Self::UnexpectedPass { .. } => Status::UnexpectedPass,
            Self::Vanished { .. } => Status::Vanished,
            Self::Skipped(_) => Status::Skipped,
            Self::LabBroke { reason } if reason.is_untried => Status::Untried,
            Self::LabBroke { .. } => Status::LabBroke,
            Self::Panicked { .. } => Status::Panicked,
            Self::Unfinished => Status::Unfinished,
        }
    }
}

impl Reason {
    /// The step that failed, with its message.
    pub fn of_step(failure: &Failure) -> Self {
        Self { stage: format!("step {}", failure.step), text: failure.message.clone() }
    }
}

impl From<Verdict> for Assessment {
    /// The assessment of a scenario without known failures.
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed(failure) => {
                Self::Failed { reason: Reason::of_step(&failure), expected: None }
            }
            Verdict::Skipped(skip) => Self::Skipped(skip),
            Verdict::LabBroke { reason } => Self::LabBroke { reason },
            Verdict::Panicked { message } => Self::Panicked { message },
        }
    }
}
