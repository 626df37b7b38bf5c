//! Results of a matrix, laid out for the formats.

mod sheet;

use self::sheet::{Sheet, Words};
use super::markdown::{escaped, head, row};
use super::{Entry, Part, Reported, Tone, terminal, why_unfinished};
use diagnostics::{Palette, visible};
use results::{Assessment, Cell, Matrix, Status};

impl Reported for Matrix {
    const SUMMARY: &'static [Part] = &[
        (&[Status::Passed], "passed", Tone::Good),
        (&[Status::Failed], "failed", Tone::Bad),
        (&[Status::UnexpectedPass], "no longer failing", Tone::Bad),
        (&[Status::Untried, Status::LabBroke], "with a broken lab", Tone::Bad),
        (&[Status::Panicked], "with an internal error", Tone::Bad),
        (&[Status::ExpectedFailure], "failing as expected", Tone::Doubtful),
        (&[Status::Skipped], "skipped", Tone::Doubtful),
        (&[Status::Unfinished], "not finished", Tone::Plain),
    ];

    /// One group per row.
    fn entries(&self) -> Vec<Entry<'_>> {
        let why = why_unfinished(self);
        let of_row = self.rows.iter().flat_map(|row| {
            let name = format!("{}/{}", row.scenario, row.pki);
            row.cells.iter().map(move |cell| entry(&name, cell, why))
        });
        of_row.collect()
    }

    /// The table, for a README or the summary of a CI run.
    fn markdown(&self) -> String {
        let sheet = Sheet::of(self);
        let headings: Vec<String> = sheet.headings.iter().map(|it| escaped(it)).collect();
        let mut lines = head(&headings).to_vec();
        for line in &sheet.lines {
            let names = [&line.scenario, &line.pki].map(|name| escaped(name));
            let cells: Vec<String> = names.into_iter().chain(line.words.iter().map(cell)).collect();
            lines.push(row(&cells));
        }
        lines.push(String::new());
        lines.push(terminal::summary(self, Palette::plain()));
        lines.extend(notes(&sheet));
        lines.join("\n") + "\n"
    }
}

fn entry<'a>(row: &str, cell: &'a Cell, why_unfinished: &str) -> Entry<'a> {
    let Some(outcome) = &cell.outcome else {
        return Entry::unfinished(row, &cell.client, why_unfinished, None);
    };
    let entry = Entry { status: cell.assessment.status(), ..Entry::of(row, &cell.client, outcome) };
    let known = match &cell.assessment {
        Assessment::ExpectedFailure { reason, expected } => {
            format!("fails as expected: {} ({})", reason.text, expected.because)
        }
        Assessment::UnexpectedPass { expected } => {
            format!("no longer fails; {} expects that it does", expected.at)
        }
        _ => return entry,
    };
    Entry { message: Some(known), explanation: None, ..entry }
}

/// Failures are bold.
fn cell(words: &Words) -> String {
    let text = escaped(&words.text);
    if words.tone == Tone::Bad { format!("**{text}**") } else { text }
}

fn notes(sheet: &Sheet) -> Vec<String> {
    let legend = sheet.legend.iter().map(|(word, means)| format!("`{word}`: {means}"));
    let numbered = sheet.notes.iter().zip(1..);
    let numbered = numbered.map(|(note, number)| format!("\\[{number}\\] {}", escaped(note)));
    let clients = sheet.clients.iter().flat_map(|(client, notes)| {
        notes.iter().map(move |note| format!("{}: {}", escaped(client), escaped(note)))
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

/// Space between two columns.
const GAP: &str = "  ";

/// The table with its footnotes, and remarks about the clients.
pub fn table(matrix: &Matrix, palette: Palette) -> String {
    let sheet = Sheet::of(matrix);
    let widths = widths(&sheet);
    let headings: Vec<String> = sheet.headings.iter().map(|heading| visible(heading)).collect();
    let mut lines = vec![palette.strong(line(&headings, &widths).trim_end())];
    let mut above = None;
    for row in &sheet.lines {
        // A scenario is named once for all its PKIs.
        let repeated = above.replace(&row.scenario) == Some(&row.scenario);
        let names = [if repeated { "" } else { &row.scenario }, &row.pki].map(visible);
        let mut text = line(&names, &widths);
        for (words, width) in row.words.iter().zip(&widths[2..]) {
            text += GAP;
            text += &padded(words, *width, palette);
        }
        lines.push(text.trim_end().to_owned());
    }
    lines.extend(legend(&sheet));
    lines.extend(footnotes(&sheet));
    lines.join("\n")
}

/// Full explanation of an unexpected failure in a cell; a footnote explains a broken lab.
pub fn explanation(cell: &Cell, palette: Palette) -> Option<String> {
    match cell.assessment {
        Assessment::Failed { .. } | Assessment::Panicked { .. } => {
            let outcome = cell.outcome.as_ref()?;
            let text = terminal::explanation(outcome, false, palette)?;
            Some(format!("{}\n{text}", terminal::line(outcome, palette)))
        }
        _ => None,
    }
}

fn widths(sheet: &Sheet) -> Vec<usize> {
    let mut widths: Vec<usize> =
        sheet.headings.iter().map(|heading| visible(heading).chars().count()).collect();
    for row in &sheet.lines {
        let words = row.words.iter().map(|words| &words.text);
        let texts = [&row.scenario, &row.pki].into_iter().chain(words);
        for (width, text) in widths.iter_mut().zip(texts) {
            *width = (*width).max(visible(text).chars().count());
        }
    }
    widths
}

fn line(texts: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> =
        texts.iter().zip(widths).map(|(text, width)| format!("{text:width$}")).collect();
    cells.join(GAP)
}

/// Pads a text; colours do not count.
fn padded(words: &Words, width: usize, palette: Palette) -> String {
    let text = visible(&words.text);
    let painted = words.tone.paint(palette, &text);
    painted + &" ".repeat(width.saturating_sub(text.chars().count()))
}

fn legend(sheet: &Sheet) -> Vec<String> {
    let meanings = sheet.legend.iter().map(|(word, means)| format!("{word}: {means}"));
    block(meanings.collect())
}

fn footnotes(sheet: &Sheet) -> Vec<String> {
    let numbered = sheet.notes.iter().zip(1..);
    let numbered = numbered.map(|(note, number)| format!("[{number}] {}", visible(note)));
    let clients = sheet.clients.iter().flat_map(|(client, notes)| {
        notes.iter().map(move |note| format!("note: {}: {}", visible(client), visible(note)))
    });
    [block(numbered.collect()), block(clients.collect())].concat()
}

/// An empty line and `lines`; no line if `lines` is empty.
fn block(lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { lines } else { [vec![String::new()], lines].concat() }
}

#[cfg(test)]
mod tests;
