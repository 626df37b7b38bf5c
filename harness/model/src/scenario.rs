//! Scenario files. Each has one scenario, with an id.

mod advice;
mod check;
mod conformance;
mod discover;
mod lint;
mod load;
mod steps;
mod typographic;

use std::path::PathBuf;
use std::time::Duration;

pub use self::check::{Check, Pattern};
pub use self::conformance::Conformance;
pub use self::discover::{Found, LABS, LEDGER, TARGETS, discover, target_files};
pub use self::lint::{LineMistake, command_mistake, configuration_mistakes, lint, suggestion};
pub use self::load::{FIELDS, LoadErrors, load, load_each, load_each_by, parse};
pub use self::steps::{
    Action, Advance, CertificateFact, CertificateSource, CertificateStep, Configuration,
    DecisionStep, Goal, Issued, LONGEST_ADVANCE, LinkStep, Ping, PkiOrder, PkiStep, Reboot,
    RevocationReason, Run, SaveConfig,
};
pub use self::steps::{challenge_of, client, scep, seen};
use crate::lab::Lab;
use diagnostics::Place;

/// Time limit of a check if the step gives none; it is that of the documented harness.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(20);

/// A scenario whose file is valid and whose references are resolved.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Path without the extension, relative to the searched folder: `scep/linux-pki`.
    pub id: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Title.
    pub title: String,
    /// Description.
    pub description: Option<String>,
    /// Tags for selecting scenarios.
    pub tags: Vec<String>,
    /// Lab.
    pub lab: Lab,
    /// File of the lab; none if the scenario contains the lab.
    pub lab_file: Option<PathBuf>,
    /// The requirement, if the scenario is a case.
    pub conformance: Option<Conformance>,
    /// Steps in the order of the file.
    pub steps: Vec<Step>,
    /// Reason to skip it in this lab, if that is known in advance.
    pub skip_reason: Option<String>,
}

impl Scenario {
    /// Earlier ids of a case, which still name it.
    pub fn former_ids(&self) -> &[String] {
        self.conformance.as_ref().map_or(&[], |conformance| &conformance.former_ids)
    }

    /// True if this was the id of the case.
    pub fn has_former_id(&self, id: &str) -> bool {
        self.former_ids().iter().any(|former| former == id)
    }
}

/// A step of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    /// Name that the file gives it.
    pub name: Option<String>,
    /// Expected result.
    pub expect: Expect,
    /// Action.
    pub action: Action,
    /// Place of the step's kind in the file.
    pub place: Place,
}

/// Expected result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Success.
    Success,
    /// Failure: the device rejects the step, or the checks never hold.
    Failure,
}

impl Step {
    /// The step's name, or else a description of its action.
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.action.title())
    }
}
