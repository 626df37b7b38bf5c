//! The table of a matrix: short words in the cells, and numbered footnotes.

use std::collections::BTreeMap;

use crate::Tone;
use results::{Assessment, Cell, Matrix, Reason, Results, Row, Status};

/// A matrix laid out for people.
pub(super) struct Sheet {
    /// Headings, including those of the two columns of names.
    pub(super) headings: Vec<String>,
    pub(super) lines: Vec<Line>,
    /// Footnotes, numbered from 1.
    pub(super) notes: Vec<String>,
    /// Remarks by client.
    pub(super) clients: BTreeMap<String, Vec<String>>,
    /// Meanings of words in the cells.
    pub(super) legend: Vec<(&'static str, &'static str)>,
}

/// A row of the table.
pub(super) struct Line {
    pub(super) scenario: String,
    pub(super) pki: String,
    pub(super) words: Vec<Words>,
}

/// Content of a cell.
pub(super) struct Words {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// An expected failure.
const KNOWN: &str = "known";

/// An unexpected pass.
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
        Assessment::Passed
        | Assessment::Noted { .. }
        | Assessment::Unmet { .. }
        | Assessment::Vanished { .. } => (Tone::Good, "pass".to_owned()),
        Assessment::Failed { reason, .. } => (Tone::Bad, of_stage("fail", reason)),
        Assessment::ExpectedFailure { reason, .. } => (Tone::Doubtful, of_stage(KNOWN, reason)),
        Assessment::UnexpectedPass { .. } => (Tone::Bad, UNEXPECTED.to_owned()),
        Assessment::Skipped(_) => (Tone::Faint, "skip".to_owned()),
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

/// The footnote of a cell, if its word does not say everything.
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

/// Footnotes without duplicates, in order of first use.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// Number of a footnote, from 1.
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
        (Status::UnexpectedPass, UNEXPECTED, "passes, but the ledger expects a failure"),
        (Status::LabBroke, "lab", "the lab could not be built, or broke"),
        (Status::Panicked, "bug", "a bug in sceplab"),
        (Status::Unfinished, "-", "not finished"),
    ];
    let used = words.into_iter().filter(|(status, ..)| matrix.count(&[*status]) > 0);
    used.map(|(_, word, means)| (word, means)).collect()
}
