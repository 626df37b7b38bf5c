//! The table of a matrix: short words in the cells, the rest in numbered notes.

use std::collections::BTreeMap;

use matrix::{Cell, Matrix, Reason, Row, Standing};

/// A matrix laid out for people.
pub(super) struct Sheet {
    /// The columns' headings, those of the two columns of names included.
    pub(super) headings: Vec<String>,
    pub(super) lines: Vec<Line>,
    /// What the numbers in the cells stand for, from 1.
    pub(super) notes: Vec<String>,
    /// What a reader must know of the clients, by client.
    pub(super) clients: BTreeMap<String, Vec<String>>,
    /// What the words mean that do not speak for themselves.
    pub(super) legend: Vec<(&'static str, &'static str)>,
}

/// A row of the table.
pub(super) struct Line {
    pub(super) scenario: String,
    pub(super) pki: String,
    pub(super) words: Vec<Words>,
}

/// What stands in a cell.
pub(super) struct Words {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// How a cell is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Faint,
}

/// What stands for a failure that the ledger expects.
const KNOWN: &str = "known";

/// What stands for a pass that the ledger does not expect.
const UNEXPECTED: &str = "pass!";

impl Sheet {
    pub(super) fn of(matrix: &Matrix) -> Self {
        let mut notes = Notes::default();
        let lines = matrix.rows.iter().map(|row| line(row, &mut notes)).collect();
        let clients = matrix.clients.iter().map(ToString::to_string);
        Self {
            headings: ["scenario", "PKI"].map(str::to_owned).into_iter().chain(clients).collect(),
            lines,
            notes: notes.0,
            clients: client_notes(matrix),
            legend: legend(matrix),
        }
    }
}

fn line(row: &Row, notes: &mut Notes) -> Line {
    Line {
        scenario: row.scenario.clone(),
        pki: row.pki_name().to_owned(),
        words: row.cells.iter().map(|cell| words(cell, notes)).collect(),
    }
}

fn words(cell: &Cell, notes: &mut Notes) -> Words {
    let (tone, word) = match &cell.standing {
        Standing::Passed => (Tone::Good, "pass".to_owned()),
        Standing::Failed { reason, .. } => (Tone::Bad, format!("fail {}", reason.stage)),
        Standing::ExpectedFailure { reason, .. } => {
            (Tone::Doubtful, format!("{KNOWN} {}", reason.stage))
        }
        Standing::UnexpectedPass { .. } => (Tone::Bad, UNEXPECTED.to_owned()),
        Standing::Skipped { .. } => (Tone::Faint, "skip".to_owned()),
        Standing::LabBroke { .. } => (Tone::Bad, "lab".to_owned()),
        Standing::Panicked { .. } => (Tone::Bad, "bug".to_owned()),
        Standing::Unfinished => (Tone::Faint, "-".to_owned()),
    };
    let text = match note(&cell.standing) {
        Some(text) => format!("{word} [{}]", notes.number(text)),
        None => word,
    };
    Words { tone, text }
}

/// The whole story of a cell; nothing where its word is the whole story.
fn note(standing: &Standing) -> Option<String> {
    Some(match standing {
        Standing::Passed | Standing::Unfinished => return None,
        Standing::Failed { reason: Reason { text, .. }, expected: None } => text.clone(),
        Standing::Failed { reason, expected: Some(expected) } => format!(
            "{} - not the failure that {} expects: {}",
            reason.text, expected.at, expected.because
        ),
        Standing::ExpectedFailure { reason, expected } => {
            format!("{} - {} ({})", reason.text, expected.because, expected.source)
        }
        Standing::UnexpectedPass { expected } => {
            format!("no longer fails; {} expects that it does: {}", expected.at, expected.because)
        }
        Standing::Skipped { reason } | Standing::LabBroke { reason } => reason.clone(),
        Standing::Panicked { message } => message.clone(),
    })
}

/// Each text once, in the order in which they are first referred to.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// The number of a text, from 1.
    fn number(&mut self, text: String) -> usize {
        if let Some(index) = self.0.iter().position(|other| *other == text) {
            return index + 1;
        }
        self.0.push(text);
        self.0.len()
    }
}

fn client_notes(matrix: &Matrix) -> BTreeMap<String, Vec<String>> {
    let mut clients: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for cell in matrix.cells() {
        for note in cell.outcome.iter().flat_map(|outcome| &outcome.notes) {
            let notes = clients.entry(cell.client.to_string()).or_default();
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
    }
    clients
}

fn legend(matrix: &Matrix) -> Vec<(&'static str, &'static str)> {
    let counts = matrix.counts();
    let words = [
        (counts.expected_failures, KNOWN, "fails as the ledger expects"),
        (counts.unexpected_passes, UNEXPECTED, "passes, and the ledger expects that it fails"),
        (counts.lab_broke, "lab", "the lab could not be built, or broke"),
        (counts.panicked, "bug", "a fault of sceplab itself"),
        (counts.unfinished, "-", "not finished"),
    ];
    words
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(_, word, means)| (word, means))
        .collect()
}
