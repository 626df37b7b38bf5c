//! What became of a run: plain data, from which every report is made.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::scenario::Scenario;
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

/// What was issued to the scenarios of a run, noted as it comes: one that is cut short has cost it all the same.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<Option<Received>>>>);

impl Ledger {
    /// Notes that a certificate is about to be asked for; the number is that of its entry.
    pub fn begin(&self, received: Received) -> usize {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Some(received));
        entries.len() - 1
    }

    /// Notes what came of an entry; nothing where no certificate was issued.
    pub fn settle(&self, entry: usize, received: Option<Received>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = entries.get_mut(entry) {
            *noted = received;
        }
    }

    /// All that was noted, in its order.
    pub fn entries(&self) -> Vec<Received> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().flatten().cloned().collect()
    }
}

impl ScenarioOutcome {
    /// That of a scenario of which nothing was done yet.
    pub fn blank(scenario: &Scenario) -> Self {
        Self {
            id: scenario.id.clone(),
            title: scenario.title.clone(),
            path: scenario.path.clone(),
            tags: scenario.tags.clone(),
            step_count: scenario.steps.len(),
            ..Self::nameless()
        }
    }

    /// That of nobody knows which.
    pub fn nameless() -> Self {
        Self {
            id: String::new(),
            title: String::new(),
            path: PathBuf::new(),
            tags: Vec::new(),
            started: SystemTime::now(),
            elapsed: Duration::ZERO,
            verdict: Verdict::Passed,
            steps: Vec::new(),
            step_count: 0,
            notes: Vec::new(),
            received: Vec::new(),
            challenges: 0,
        }
    }
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
}

/// How many scenarios ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Every step was as expected.
    pub passed: usize,
    /// A step was not as expected.
    pub failed: usize,
    /// They cannot be run here.
    pub skipped: usize,
    /// The lab could not be built, or broke.
    pub lab_broke: usize,
    /// The program itself is at fault.
    pub panicked: usize,
}

impl Outcome {
    /// How many scenarios ended how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for scenario in &self.scenarios {
            *match scenario.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed(_) => &mut counts.failed,
                Verdict::Skipped { .. } => &mut counts.skipped,
                Verdict::LabBroke { .. } => &mut counts.lab_broke,
                Verdict::Panicked { .. } => &mut counts.panicked,
            } += 1;
        }
        counts
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

pub fn seconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn unix_seconds<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_f64(since.as_secs_f64())
}
