//! A matrix as a Markdown table, for a README or the summary of a CI run.

use super::sheet::{Sheet, Tone, Words};
use crate::markdown::{escaped, row};
use diagnostics::Palette;
use matrix::Matrix;

pub(super) fn text(matrix: &Matrix) -> String {
    let sheet = Sheet::of(matrix);
    let mut lines = vec![row(&sheet.headings), row(&vec!["---".to_owned(); sheet.headings.len()])];
    for line in &sheet.lines {
        let names = [&line.scenario, &line.pki].map(|name| escaped(name));
        let cells: Vec<String> = names.into_iter().chain(line.words.iter().map(cell)).collect();
        lines.push(row(&cells));
    }
    lines.push(String::new());
    lines.push(super::terminal::summary(matrix, Palette::plain()));
    lines.extend(notes(&sheet));
    lines.join("\n") + "\n"
}

/// What is no pass stands out.
fn cell(words: &Words) -> String {
    let text = escaped(&words.text);
    match words.tone {
        Tone::Bad => format!("**{text}**"),
        Tone::Good | Tone::Doubtful | Tone::Faint => text,
    }
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
