//! Scenario files: one scenario each, known by its id.

mod check;
mod conformance;
mod discover;
mod load;
mod steps;

use std::path::PathBuf;
use std::time::Duration;

pub use self::check::{Check, Pattern};
pub use self::conformance::Conformance;
pub use self::discover::{Found, LEDGER, TARGETS, discover, target_files};
pub use self::load::{LoadErrors, load, load_each, parse};
pub use self::steps::{Action, Configuration, Issued, Ping, Run, Verdict};
pub use self::steps::{challenge_of, client, scep, seen};
use crate::lab::Lab;
use diagnostics::Place;

/// How long a check waits where the step does not say; the documented harness waits as long.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(20);

/// A scenario that was read, resolved and found to be in order.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its path without the ending, relative to the folder it was found in: `scep/linux-pki`.
    pub id: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// What it may be selected by.
    pub tags: Vec<String>,
    /// Where it takes place.
    pub lab: Lab,
    /// The file of the lab that the scenario names; none where the lab is written in its place.
    pub lab_file: Option<PathBuf>,
    /// Which requirement the scenario is a case of, where it is one.
    pub conformance: Option<Conformance>,
    /// What is done and expected, in this order.
    pub steps: Vec<Step>,
    /// Why it cannot be run in this lab, where it is known beforehand; it is skipped with this reason.
    pub not_here: Option<String>,
}

/// A step of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the scenario calls it.
    pub name: Option<String>,
    /// Whether the step is to succeed or to fail.
    pub expect: Expect,
    /// What is done.
    pub action: Action,
    /// Where its kind stands in the file.
    pub place: Place,
}

/// What is to become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It succeeds.
    Success,
    /// It fails: the device refuses, or the checks do not hold at any time.
    Failure,
}

impl Step {
    /// What the step does, in words: its name, or else the documentation's.
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.action.title())
    }
}
