//! What happened in a run: each scenario, its steps, its failure.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use scep::attribute::PkiStatus;
use serde::Serialize;

use crate::{Results, Status, seconds};
use diagnostics::Excerpt;

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The scenarios that were finished, by id.
    pub scenarios: Vec<ScenarioOutcome>,
    /// Those that an interrupted run did not finish, by id.
    pub unfinished: Vec<Unfinished>,
    /// How many were selected, the unfinished ones of an interrupted run included.
    pub selected: usize,
    /// How long the run took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Whether the run was ended before its time.
    pub interrupted: bool,
}

/// A selected scenario that was not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// Its id.
    pub id: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// Whether it was under way when the run was ended.
    pub begun: bool,
}

/// What became of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScenarioOutcome {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it began.
    #[serde(rename = "started_unix_seconds", serialize_with = "unix_seconds")]
    pub started: SystemTime,
    /// How long it took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// What became of it.
    pub verdict: Verdict,
    /// The steps that were begun, in their order.
    pub steps: Vec<StepOutcome>,
    /// How many steps the scenario has.
    pub step_count: usize,
    /// What a reader must know of the devices' SCEP clients, options they lack and what they do instead; and of answers
    /// that are acceptable, and not the best ones.
    pub notes: Vec<String>,
    /// The certificates that steps of SCEP brought.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<Received>,
    /// How many challenge passwords steps of SCEP have asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub challenges: usize,
}

/// What is known of a certificate that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceivedState {
    /// The PKI says that it was issued.
    Issued,
    /// The PKI has not decided; it may be issued later.
    Pending,
    /// No answer that can be read came; it may have been issued.
    Unknown,
}

/// A certificate that a PKI issued to a step of SCEP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Whether it was.
    pub state: ReceivedState,
    /// Its serial number in hexadecimal; nothing where no certificate could be read.
    pub serial: Option<String>,
    /// Its subject, or the one asked for, in one line.
    pub subject: String,
}

/// What became of a scenario as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Verdict {
    /// Every step was as expected.
    Passed,
    /// A step was not as expected.
    Failed(Box<Failure>),
    /// It cannot be run here.
    Skipped {
        /// What is not supported.
        reason: String,
    },
    /// The lab could not be built, or broke.
    LabBroke {
        /// What happened.
        reason: String,
    },
    /// The program itself is at fault.
    Panicked {
        /// What it said.
        message: String,
    },
}

/// A step that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepOutcome {
    /// Its number, counted from 1.
    pub number: usize,
    /// What it does, in words.
    pub title: String,
    /// How long it took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// How often it was tried.
    pub tries: usize,
    /// What was sent at last.
    pub sent: Sent,
    /// What came back at last; empty where nothing does.
    pub output: String,
}

/// What a step sends, and to whom.
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
        /// What is asked of it.
        request: String,
    },
}

/// Why a scenario failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The number of the step, counted from 1.
    pub step: usize,
    /// What is wrong, as a fragment: "output does not match".
    pub message: String,
    /// The expectations that were not met; at least one.
    pub findings: Vec<Finding>,
    /// What was sent.
    pub sent: Sent,
    /// What came back at first, where it was something else than at last.
    pub first_output: Option<String>,
    /// What came back at last.
    pub output: String,
    /// The pkiStatus of the answer, if a step of SCEP got one.
    #[serde(skip)]
    pub pki_status: Option<PkiStatus>,
    /// The configuration line that the device refused, counted from 1; nothing if it was the commit.
    #[serde(skip)]
    pub refused_line: Option<usize>,
    /// How often it was tried.
    pub tries: usize,
    /// How long it was tried.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// What the device and the PKIs did meanwhile, newest last.
    pub log: Vec<LogLine>,
    /// What it probably means and what to do next, where that is known.
    pub hint: Option<String>,
    /// Whether nothing was as it should not be, and yet nothing is proved: what the scenario is about did not happen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unproved: bool,
}

/// An expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where it stands in the file.
    pub excerpt: Excerpt,
    /// What is the matter: "not found in 20.0 s, 81 tries".
    pub label: String,
    /// The line of the output that came closest.
    pub closest: Option<String>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Whose: `scep` for the device's SCEP client, or else the name of a PKI.
    pub source: String,
    /// The line.
    pub line: String,
    /// Whether it is the log of a device's SCEP client.
    #[serde(skip)]
    pub is_of_client: bool,
}

impl Verdict {
    /// The status that it gives a scenario of a run.
    pub fn status(&self) -> Status {
        match self {
            Self::Passed => Status::Passed,
            Self::Failed(_) => Status::Failed,
            Self::Skipped { .. } => Status::Skipped,
            Self::LabBroke { .. } => Status::LabBroke,
            Self::Panicked { .. } => Status::Panicked,
        }
    }

    /// Why it did not pass, in a few words.
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
