//! Clients × PKIs: each scenario at each PKI with each client, held against a ledger of expected failures.

#![forbid(unsafe_code)]

mod judge;
mod ledger;
mod plan;
mod reason;

use std::time::Duration;

use serde::Serialize;

pub use self::ledger::Ledger;
pub use self::plan::{Plan, PlannedRow};
pub use self::reason::Reason;
use diagnostics::Excerpt;
use model::outcome::{ScenarioOutcome, seconds};
use testbed::Client;

/// What became of a matrix: plain data, from which every report is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The columns.
    pub clients: Vec<Client>,
    /// The rows, by scenario.
    pub rows: Vec<Row>,
    /// Entries of the ledger that are about none of the cells; empty unless the matrix was run as a whole.
    pub unmatched: Vec<Unmatched>,
    /// How long it took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Whether it was ended before its time.
    pub interrupted: bool,
}

/// A scenario at a PKI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The scenario's id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The PKI, by the name of its lab file without the ending.
    pub pki: String,
    /// What the lab file calls itself.
    pub pki_title: Option<String>,
    /// A cell for each client, in the order of [`Matrix::clients`].
    pub cells: Vec<Cell>,
}

/// A scenario at a PKI with a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The client.
    pub client: Client,
    /// How it stands with it.
    pub standing: Standing,
    /// What became of it in full; nothing where it was not finished.
    pub outcome: Option<ScenarioOutcome>,
}

/// How it stands with a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Standing {
    /// Every step was as expected.
    Passed,
    /// It failed, and nobody expects it to, or not for this reason.
    Failed {
        /// Where and why.
        reason: Reason,
        /// The failure that was expected instead.
        expected: Option<Expected>,
    },
    /// It failed as the ledger says.
    ExpectedFailure {
        /// Where and why.
        reason: Reason,
        /// What the ledger says.
        expected: Expected,
    },
    /// It passed, and the ledger says that it fails.
    UnexpectedPass {
        /// What the ledger says.
        expected: Expected,
    },
    /// It cannot be run here.
    Skipped {
        /// What is missing.
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
    /// It was not finished when the run was ended.
    Unfinished,
}

/// A failure that the ledger expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Why it fails.
    pub because: String,
    /// How that is known.
    pub source: String,
    /// Where the ledger says so: its path and the line.
    pub at: String,
}

/// An entry of the ledger that is about none of the cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// Where it stands.
    pub excerpt: Excerpt,
}

/// How many cells stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Every step was as expected.
    pub passed: usize,
    /// Failed, and were not expected to.
    pub failed: usize,
    /// Failed as the ledger says.
    pub expected_failures: usize,
    /// Passed though the ledger says that they fail.
    pub unexpected_passes: usize,
    /// They cannot be run here.
    pub skipped: usize,
    /// The lab could not be built, or broke.
    pub lab_broke: usize,
    /// The program itself is at fault.
    pub panicked: usize,
    /// They were not finished.
    pub unfinished: usize,
}

impl Matrix {
    /// How many cells stand how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for cell in self.cells() {
            *match cell.standing {
                Standing::Passed => &mut counts.passed,
                Standing::Failed { .. } => &mut counts.failed,
                Standing::ExpectedFailure { .. } => &mut counts.expected_failures,
                Standing::UnexpectedPass { .. } => &mut counts.unexpected_passes,
                Standing::Skipped { .. } => &mut counts.skipped,
                Standing::LabBroke { .. } => &mut counts.lab_broke,
                Standing::Panicked { .. } => &mut counts.panicked,
                Standing::Unfinished => &mut counts.unfinished,
            } += 1;
        }
        counts
    }

    /// All cells, row by row.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|row| &row.cells)
    }
}

impl Row {
    /// The PKI as people know it.
    pub fn pki_name(&self) -> &str {
        self.pki_title.as_deref().unwrap_or(&self.pki)
    }
}

#[cfg(test)]
#[expect(dead_code, reason = "reports need the rest")]
#[path = "../../report/src/samples.rs"]
mod samples;
