//! Results of a scenario run: each scenario, its steps, its failure.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use scep::attribute::PkiStatus;
use serde::Serialize;

use crate::{Results, Status, seconds};
use diagnostics::Excerpt;

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Finished scenarios, by id.
    pub scenarios: Vec<ScenarioOutcome>,
    /// Scenarios that an interrupted run did not finish, by id.
    pub unfinished: Vec<Unfinished>,
    /// Number of selected scenarios, including unfinished ones.
    pub selected: usize,
    /// Duration of the run.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// True if the run was interrupted.
    pub interrupted: bool,
}

/// A selected scenario that was not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// Id.
    pub id: String,
    /// Path of the file.
    pub path: PathBuf,
    /// True if it had begun when the run was interrupted.
    pub begun: bool,
}

/// The result of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScenarioOutcome {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Tags.
    pub tags: Vec<String>,
    /// Time of its beginning.
    #[serde(rename = "started_unix_seconds", serialize_with = "unix_seconds")]
    pub started: SystemTime,
    /// Duration.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Verdict on the whole scenario.
    pub verdict: Verdict,
    /// The steps that began, in order.
    pub steps: Vec<StepOutcome>,
    /// Number of steps that the scenario has.
    pub step_count: usize,
    /// Remarks about the devices' SCEP clients (missing options and substitutes), and about answers that are acceptable but
    /// not the best.
    pub notes: Vec<String>,
    /// Certificates issued to `scep` steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<Received>,
    /// Number of challenge passwords that `scep` steps asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub challenges: usize,
}

/// State of a request for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceivedState {
    /// The PKI reported that it was issued.
    Issued,
    /// The PKI has not decided; it may still be issued.
    Pending,
    /// No readable answer came; it may have been issued.
    Unknown,
}

/// A certificate that a `scep` step asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// State of the request.
    pub state: ReceivedState,
    /// Serial number in hexadecimal, if a certificate could be read.
    pub serial: Option<String>,
    /// Subject of the certificate, or the requested subject, in one line.
    pub subject: String,
}

/// The verdict on a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Verdict {
    /// Every step was as expected.
    Passed,
    /// A step was not as expected.
    Failed(Box<Failure>),
    /// The scenario cannot be run in this lab.
    Skipped {
        /// The missing function.
        reason: String,
    },
    /// The lab could not be built, or broke.
    LabBroke {
        /// Reason.
        reason: String,
    },
    /// The program has a bug.
    Panicked {
        /// Message of the panic.
        message: String,
    },
}

/// The result of a step that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepOutcome {
    /// Number, counted from 1.
    pub number: usize,
    /// Description of the action.
    pub title: String,
    /// Duration.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Number of tries.
    pub tries: usize,
    /// The last thing sent.
    pub sent: Sent,
    /// The last answer; empty if there is none.
    pub output: String,
}

/// The thing that a step sends, and its recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Sent {
    /// Configuration lines to a device.
    Configuration {
        /// The device.
        device: String,
        /// The lines.
        lines: String,
    },
    /// A command to a device.
    Command {
        /// The device.
        device: String,
        /// The command.
        command: String,
    },
    /// A request to a PKI, in words.
    Request {
        /// The PKI.
        pki: String,
        /// Description of the request.
        request: String,
    },
}

/// The failure of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Number of the step, counted from 1.
    pub step: usize,
    /// The mistake, as a fragment: "output does not match".
    pub message: String,
    /// Unmet expectations; at least one.
    pub findings: Vec<Finding>,
    /// The thing sent.
    pub sent: Sent,
    /// The first answer, if it differs from the last.
    pub first_output: Option<String>,
    /// The last answer.
    pub output: String,
    /// pkiStatus of the answer, if a `scep` step got one.
    #[serde(skip)]
    pub pki_status: Option<PkiStatus>,
    /// The configuration line that the device rejected, counted from 1; none if it rejected the commit.
    #[serde(skip)]
    pub refused_line: Option<usize>,
    /// Number of tries.
    pub tries: usize,
    /// Duration of all tries.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Log of the device and the PKIs during the step, newest last.
    pub log: Vec<LogLine>,
    /// Likely cause and next step, if known.
    pub hint: Option<String>,
    /// True if nothing went wrong but nothing was proved, because the fault in question did not happen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unproved: bool,
}

/// An unmet expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The expectation in its file.
    pub excerpt: Excerpt,
    /// What went wrong: "not found in 20.0 s, 81 tries".
    pub label: String,
    /// The line of the output that comes closest.
    pub closest: Option<String>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Source: `scep` for the device's SCEP client, otherwise the name of a PKI.
    pub source: String,
    /// The line.
    pub line: String,
    /// True if the source is a device's SCEP client.
    #[serde(skip)]
    pub is_of_client: bool,
}

impl Verdict {
    /// The status that it means for a scenario of a run.
    pub fn status(&self) -> Status {
        match self {
            Self::Passed => Status::Passed,
            Self::Failed(_) => Status::Failed,
            Self::Skipped { .. } => Status::Skipped,
            Self::LabBroke { .. } => Status::LabBroke,
            Self::Panicked { .. } => Status::Panicked,
        }
    }

    /// The reason why the scenario did not pass, in a few words.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed(failure) => Some(&failure.message),
            Self::Skipped { reason } | Self::LabBroke { reason } => Some(reason),
            Self::Panicked { message } => Some(message),
        }
    }
}

impl Results for Outcome {
    fn statuses(&self) -> impl Iterator<Item = Status> {
        let finished = self.scenarios.iter().map(|scenario| scenario.verdict.status());
        finished.chain(self.unfinished.iter().map(|_| Status::Unfinished))
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn unix_seconds<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_f64(since.as_secs_f64())
}
