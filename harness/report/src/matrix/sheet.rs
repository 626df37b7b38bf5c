//! The table of a matrix: short words in the cells, the rest in numbered notes.

use std::collections::BTreeMap;

use crate::Tone;
use results::{Assessment, Cell, Matrix, Reason, Results, Row, Status};

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

/// What stands for a failure that the ledger expects.
const KNOWN: &str = "known";

/// What stands for a pass that the ledger does not expect.
const UNEXPECTED: &str = "pass!";

impl Sheet {
    pub(super) fn of(matrix: &Matrix) -> Self {
        let mut notes = Notes::default();
        let lines = matrix.rows.iter().map(|row| line(row, &mut notes)).collect();
        let names = ["scenario", "PKI"].map(str::to_owned);
        Self {
            headings: names.into_iter().chain(matrix.clients.iter().cloned()).collect(),
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
        pki: row.pki_title.as_ref().unwrap_or(&row.pki).clone(),
        words: row.cells.iter().map(|cell| words(cell, notes)).collect(),
    }
}

fn words(cell: &Cell, notes: &mut Notes) -> Words {
    let of_stage = |word: &str, reason: &Reason| format!("{word} {}", reason.stage);
    let (tone, word) = match &cell.assessment {
        Assessment::Passed | Assessment::Noted { .. } | Assessment::Vanished { .. } => {
            (Tone::Good, "pass".to_owned())
        }
        Assessment::Failed { reason, .. } => (Tone::Bad, of_stage("fail", reason)),
        Assessment::ExpectedFailure { reason, .. } => (Tone::Doubtful, of_stage(KNOWN, reason)),
        Assessment::UnexpectedPass { .. } => (Tone::Bad, UNEXPECTED.to_owned()),
        Assessment::Skipped { .. } => (Tone::Faint, "skip".to_owned()),
        Assessment::LabBroke { .. } => (Tone::Bad, "lab".to_owned()),
        Assessment::Panicked { .. } => (Tone::Bad, "bug".to_owned()),
        Assessment::Unfinished => (Tone::Faint, "-".to_owned()),
    };
    let text = match note(&cell.assessment) {
        Some(text) => format!("{word} [{}]", notes.number(text)),
        None => word,
    };
    Words { tone, text }
}

/// The whole story of a cell; nothing where its word is the whole story.
fn note(assessment: &Assessment) -> Option<String> {
    Some(match assessment {
        Assessment::Failed { reason, expected: Some(expected) } => format!(
            "{} - not the failure that {} expects: {}",
            reason.text, expected.at, expected.because
        ),
        Assessment::Failed { reason, expected: None } => reason.text.clone(),
        Assessment::ExpectedFailure { reason, expected } => format!("{} - {expected}", reason.text),
        Assessment::UnexpectedPass { expected } => {
            format!("no longer fails; {} expects that it does: {}", expected.at, expected.because)
        }
        Assessment::Panicked { message } => message.clone(),
        other => return other.reason(),
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
            let notes = clients.entry(cell.client.clone()).or_default();
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
    }
    clients
}

fn legend(matrix: &Matrix) -> Vec<(&'static str, &'static str)> {
    let words = [
        (Status::ExpectedFailure, KNOWN, "fails as the ledger expects"),
        (Status::UnexpectedPass, UNEXPECTED, "passes, and the ledger expects that it fails"),
        (Status::LabBroke, "lab", "the lab could not be built, or broke"),
        (Status::Panicked, "bug", "a fault of sceplab itself"),
        (Status::Unfinished, "-", "not finished"),
    ];
    let used = words.into_iter().filter(|(status, ..)| matrix.count(&[*status]) > 0);
    used.map(|(_, word, means)| (word, means)).collect()
}
