//! Results of a scenario run: each scenario, its steps, its failure.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use scep::attribute::{FailInfo, PkiStatus};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{Breakage, FailedMessage, Results, Skip, Status, seconds};
use diagnostics::Excerpt;

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Finished scenarios, by id.
    pub scenarios: Vec<ScenarioOutcome>,
    /// Scenarios that were not finished, because the run was interrupted or a bug ended it; by id.
    pub unfinished: Vec<Unfinished>,
    /// Number of selected scenarios, including unfinished ones.
    pub selected: usize,
    /// Duration of the run.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// True if the run was interrupted.
    pub interrupted: bool,
    /// A warning about the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
}

/// A selected scenario that was not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// Id.
    pub id: String,
    /// Path of the file.
    pub path: PathBuf,
    /// True if it had begun when the run ended.
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
    /// True if the tested peer enrolled in a step: a server that granted a request or has it pending, or a client that got a
    /// certificate.
    #[serde(skip)]
    pub has_enrolled: bool,
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
    /// The scenario cannot be run in this lab, or its result would prove nothing.
    Skipped(Skip),
    /// The lab could not be built, or broke.
    LabBroke {
        /// Reason.
        reason: Breakage,
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
    /// Duration; in the time of the lab, if it has its own.
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
    /// The move of the lab's clock.
    Clock {
        /// The goal in words: `by 330d`.
        goal: String,
    },
    /// An order to a part of the lab.
    Order {
        /// The part: a device, a PKI.
        part: String,
        /// The order in words: `restart`, `link at eth0 down`.
        order: String,
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
    /// The reply to a `scep` step.
    #[serde(skip)]
    pub reply: Option<Reply>,
    /// The refusal of the last request that reached a PKI during the step, from that PKI's record.
    #[serde(skip)]
    pub refusal: Option<RefusedExchange>,
    /// The last exchange with a PKI that the step is about: the request, and the reply or the reason why none came; empty if none is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<FailedMessage>,
    /// State of the server, if it did not serve after the request of a `scep` step.
    #[serde(flatten)]
    pub ended_server: Option<ServerState>,
    /// The configuration line that the device rejected, counted from 1; none if it rejected the commit.
    #[serde(skip)]
    pub refused_line: Option<usize>,
    /// Number of tries.
    pub tries: usize,
    /// Duration of all tries; in the time of the lab, if it has its own.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Log of the device and the PKIs during the step, newest last.
    pub log: Vec<LogLine>,
    /// Likely cause and next step, if known.
    pub hint: Option<String>,
    /// True if nothing was proved, because the fault in question did not happen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unproved: bool,
    /// The notes of the scenario about faults that did not happen.
    #[serde(skip)]
    pub idle_faults: Vec<String>,
}

/// An exchange that a PKI refused, from its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedExchange {
    /// The exchange: the type of the message, or else the operation.
    pub exchange: String,
    /// HTTP status of the answer.
    pub http_status: u16,
    /// The failInfo, if the answer is a CertRep.
    pub fail_info: Option<FailInfo>,
    /// Reason in words.
    pub reason: String,
}

/// State of a server after a request that it did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    /// It was away for a moment, and answers again.
    Back,
    /// It cannot be reached.
    Gone,
    /// It takes connections, and answers nothing.
    Hangs,
}

impl Serialize for ServerState {
    /// The fields of a failure: `ended_server`, and `came_back` if it answers again.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ended_server", &true)?;
        if *self == Self::Back {
            map.serialize_entry("came_back", &true)?;
        }
        map.end()
    }
}

/// The reply to a SCEP request, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; `None` if no response came.
    pub http_status: Option<u16>,
    /// pkiStatus.
    pub pki_status: Option<PkiStatus>,
    /// The failInfo.
    pub fail_info: Option<FailInfo>,
    /// True if the first of the details begins with the HTTP status.
    pub has_status_in_details: bool,
    /// Texts of the server, and reasons why parts cannot be read.
    pub details: Vec<String>,
}

impl fmt::Display for Reply {
    /// What came, in one line: `FAILURE, badRequest: wrong password`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.pki_status, self.http_status) {
            (Some(status), _) => write!(f, "{status}")?,
            (None, Some(_)) if self.has_status_in_details => {
                let details = self.details.join("; ");
                return f.write_str(details.strip_prefix("was answered ").unwrap_or(&details));
            }
            (None, Some(status)) => write!(f, "HTTP {status}")?,
            (None, None) => f.write_str("no reply")?,
        }
        if let Some(fail_info) = &self.fail_info {
            write!(f, ", {fail_info}")?;
        }
        if self.details.is_empty() { Ok(()) } else { write!(f, ": {}", self.details.join("; ")) }
    }
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
    /// The expectation in words, if it is about facts and meeting it would have been a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The facts that are not as expected, each with its meaning.
    #[serde(skip)]
    pub facts: Vec<String>,
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

impl Failure {
    /// True if the last message with a PKI is one that grants a request, and nothing is wrong about it and its request.
    pub fn was_granted(&self) -> bool {
        let is_right = self.messages.iter().all(|message| message.short.wrong.is_empty());
        let last = self.messages.last().and_then(|last| last.short.pki_status.as_ref());
        is_right && last == Some(&PkiStatus::Success)
    }
}

impl Verdict {
    /// The status that it means for a scenario of a run.
    pub fn status(&self) -> Status {
        match self {
            Self::Passed => Status::Passed,
            Self::Failed(_) => Status::Failed,
            Self::Skipped(_) => Status::Skipped,
            Self::LabBroke { reason } if reason.is_untried => Status::Untried,
            Self::LabBroke { .. } => Status::LabBroke,
            Self::Panicked { .. } => Status::Panicked,
        }
    }

    /// The reason why the scenario did not pass, in a few words.
    pub fn reason(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Passed => None,
            Self::Failed(failure) => Some((&failure.message).into()),
            Self::Skipped(skip) => Some((&skip.reason).into()),
            Self::LabBroke { reason } => Some(reason.to_string().into()),
            Self::Panicked { message } => Some(message.into()),
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

    fn caution(&self) -> Option<&str> {
        self.caution.as_deref()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(crate) fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn unix_seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_f64(since.as_secs_f64())
}
