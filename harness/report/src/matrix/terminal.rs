//! A matrix as people read it on a terminal.

use super::sheet::{Sheet, Words};
use crate::terminal;
use diagnostics::{Palette, visible};
use results::{Cell, Matrix, Standing};

/// What separates two columns.
const GAP: &str = "  ";

/// The table, what its numbers stand for, and what is to be known of the clients.
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
    lines.extend(notes(&sheet));
    lines.join("\n")
}

/// What went wrong in a cell, in full, where nobody expects it; a broken lab is told in full by its note.
pub fn explanation(cell: &Cell, palette: Palette) -> Option<String> {
    match cell.standing {
        Standing::Failed { .. } | Standing::Panicked { .. } => {
            let outcome = cell.outcome.as_ref()?;
            let text = terminal::explanation(outcome, palette)?;
            Some(format!("{}\n{text}", terminal::line(outcome, palette)))
        }
        _ => None,
    }
}

fn widths(sheet: &Sheet) -> Vec<usize> {
    let mut widths: Vec<usize> =
        sheet.headings.iter().map(|heading| heading.chars().count()).collect();
    for row in &sheet.lines {
        let words = row.words.iter().map(|words| &words.text);
        let texts = [&row.scenario, &row.pki].into_iter().chain(words);
        for (width, text) in widths.iter_mut().zip(texts) {
            *width = (*width).max(text.chars().count());
        }
    }
    widths
}

fn line(texts: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> =
        texts.iter().zip(widths).map(|(text, width)| format!("{text:width$}")).collect();
    cells.join(GAP)
}

/// Colours do not count as width.
fn padded(words: &Words, width: usize, palette: Palette) -> String {
    let text = visible(&words.text);
    let painted = words.tone.paint(palette, &text);
    painted + &" ".repeat(width.saturating_sub(text.chars().count()))
}

fn legend(sheet: &Sheet) -> Vec<String> {
    let meanings = sheet.legend.iter().map(|(word, means)| format!("{word}: {means}"));
    block(meanings.collect())
}

fn notes(sheet: &Sheet) -> Vec<String> {
    let numbered = sheet.notes.iter().zip(1..);
    let numbered = numbered.map(|(note, number)| format!("[{number}] {}", visible(note)));
    let clients = sheet.clients.iter().flat_map(|(client, notes)| {
        notes.iter().map(move |note| format!("note: {client}: {}", visible(note)))
    });
    [block(numbered.collect()), block(clients.collect())].concat()
}

/// Lines below an empty one; none where there are none.
fn block(lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { lines } else { [vec![String::new()], lines].concat() }
}
