//! Results of a matrix: scenarios at PKIs, with each SCEP client.

use std::time::Duration;

use serde::Serialize;

use crate::{Assessment, Results, ScenarioOutcome, Status, seconds};
use diagnostics::Excerpt;

/// The results of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// Columns: names of the clients.
    pub clients: Vec<String>,
    /// Rows, by scenario.
    pub rows: Vec<Row>,
    /// Entries of the ledger without a cell; empty unless the whole matrix was run.
    pub unmatched: Vec<Unmatched>,
    /// Duration of the run.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// True if the run was interrupted.
    pub interrupted: bool,
}

/// A scenario at a PKI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Id of the scenario.
    pub scenario: String,
    /// Title of the scenario.
    pub title: String,
    /// PKI: name of its lab file without the extension.
    pub pki: String,
    /// Title in the lab file.
    pub pki_title: Option<String>,
    /// One cell per client, in the order of [`Matrix::clients`].
    pub cells: Vec<Cell>,
}

/// A scenario at a PKI with a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Name of the client.
    pub client: String,
    /// The result, compared with the ledger.
    #[serde(rename = "standing")]
    pub assessment: Assessment,
    /// The result of the scenario; none if it was not finished.
    pub outcome: Option<ScenarioOutcome>,
}

/// An entry of the ledger without a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// The entry in the ledger's text.
    pub excerpt: Excerpt,
}

impl Matrix {
    /// All cells, row by row.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|row| &row.cells)
    }
}

impl Results for Matrix {
    fn statuses(&self) -> impl Iterator<Item = Status> {
        self.cells().map(|cell| cell.assessment.status())
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}
