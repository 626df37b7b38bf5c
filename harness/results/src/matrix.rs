//! What became of a matrix: scenarios at PKIs, with one SCEP client after the other.

use std::time::Duration;

use serde::Serialize;

use crate::{Results, ScenarioOutcome, Standing, Status, seconds};
use diagnostics::Excerpt;

/// What became of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The columns: clients, by their names.
    pub clients: Vec<String>,
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
    /// The client's name.
    pub client: String,
    /// How it stands with it.
    pub standing: Standing,
    /// What became of it in full; nothing if it was not finished.
    pub outcome: Option<ScenarioOutcome>,
}

/// An entry of the ledger that is about none of the cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// Where it stands.
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
        self.cells().map(|cell| cell.standing.status())
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}
