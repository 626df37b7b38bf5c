//! What became of a matrix, laid out for the formats.

mod sheet;
pub mod terminal;

use self::sheet::{Sheet, Words};
use super::markdown::{escaped, head, row};
use super::tone::Tone;
use super::{Entry, Part, Reported};
use diagnostics::Palette;
use results::{Cell, Matrix, Standing, Status};

impl Reported for Matrix {
    const SUMMARY: &'static [Part] = &[
        (&[Status::Passed], "passed", Tone::Good),
        (&[Status::Failed], "failed", Tone::Bad),
        (&[Status::UnexpectedPass], "no longer failing", Tone::Bad),
        (&[Status::LabBroke], "with a broken lab", Tone::Bad),
        (&[Status::Panicked], "with an internal error", Tone::Bad),
        (&[Status::ExpectedFailure], "failing as expected", Tone::Doubtful),
        (&[Status::Skipped], "skipped", Tone::Doubtful),
        (&[Status::Unfinished], "not finished", Tone::Plain),
    ];

    /// A group for each row.
    fn entries(&self) -> Vec<Entry<'_>> {
        let of_row = self.rows.iter().flat_map(|row| {
            let name = format!("{}/{}", row.scenario, row.pki);
            row.cells.iter().map(move |cell| entry(&name, cell))
        });
        of_row.collect()
    }

    /// The table, for a README or the summary of a CI run.
    fn markdown(&self) -> String {
        let sheet = Sheet::of(self);
        let mut lines = head(&sheet.headings).to_vec();
        for line in &sheet.lines {
            let names = [&line.scenario, &line.pki].map(|name| escaped(name));
            let cells: Vec<String> = names.into_iter().chain(line.words.iter().map(cell)).collect();
            lines.push(row(&cells));
        }
        lines.push(String::new());
        lines.push(super::terminal::summary(self, Palette::plain()));
        lines.extend(notes(&sheet));
        lines.join("\n") + "\n"
    }
}

fn entry<'a>(row: &str, cell: &'a Cell) -> Entry<'a> {
    let Some(outcome) = &cell.outcome else {
        let message = "the run was interrupted before this was finished";
        return Entry::unfinished(row, &cell.client, message, None);
    };
    let entry = Entry { status: cell.standing.status(), ..Entry::of(row, &cell.client, outcome) };
    let known = match &cell.standing {
        Standing::ExpectedFailure { reason, expected } => {
            format!("fails as expected: {} ({})", reason.text, expected.because)
        }
        Standing::UnexpectedPass { expected } => {
            format!("no longer fails; {} expects that it does", expected.at)
        }
        _ => return entry,
    };
    Entry { message: Some(known), explanation: None, ..entry }
}

/// What is no pass stands out.
fn cell(words: &Words) -> String {
    let text = escaped(&words.text);
    if words.tone == Tone::Bad { format!("**{text}**") } else { text }
}

fn notes(sheet: &Sheet) -> Vec<String> {
    let legend = sheet.legend.iter().map(|(word, means)| format!("`{word}`: {means}"));
    let numbered = sheet.notes.iter().zip(1..);
    let numbered = numbered.map(|(note, number)| format!("\\[{number}\\] {}", escaped(note)));
    let clients = sheet.clients.iter().flat_map(|(client, notes)| {
        notes.iter().map(move |note| format!("{client}: {}", escaped(note)))
    });
    legend
        .chain(numbered)
        .chain(clients)
        .enumerate()
        .flat_map(|(index, note)| {
            let gap = (index == 0).then(String::new);
            gap.into_iter().chain([format!("- {note}")])
        })
        .collect()
}

#[cfg(test)]
mod tests;
