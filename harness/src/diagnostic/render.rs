//! The look of a diagnostic: the one of rustc.

use super::{Diagnostic, Location, Palette};

/// Renders a diagnostic below a heading such as `error`; ends without a line feed.
pub fn render(heading: &str, diagnostic: &Diagnostic, palette: Palette) -> String {
    let gutter = gutter(&diagnostic.location);
    let mut lines = vec![format!(
        "{}{}",
        palette.bad(heading),
        palette.strong(&format!(": {}", visible(&diagnostic.message)))
    )];
    locate(&mut lines, diagnostic, gutter, palette);
    for note in &diagnostic.notes {
        lines.extend(framed_note(note, gutter, palette));
    }
    lines.join("\n")
}

/// The width of the line numbers.
fn gutter(location: &Location) -> usize {
    match location {
        Location::Excerpt(excerpt) => excerpt.line.to_string().len(),
        Location::File(_) | Location::Nowhere => 1,
    }
}

fn locate(lines: &mut Vec<String>, diagnostic: &Diagnostic, gutter: usize, palette: Palette) {
    let arrow = format!("{}{}", " ".repeat(gutter), palette.frame("-->"));
    match &diagnostic.location {
        Location::Nowhere => {}
        Location::File(path) => lines.push(format!("{arrow} {}", visible(path))),
        Location::Excerpt(excerpt) => {
            let bar = palette.frame(&format!("{} |", " ".repeat(gutter)));
            let number = palette.frame(&format!("{:>gutter$} |", excerpt.line));
            let carets =
                format!("{} {}", "^".repeat(excerpt.width.max(1)), visible(&diagnostic.label));
            lines.push(format!(
                "{arrow} {}:{}:{}",
                visible(&excerpt.path),
                excerpt.line,
                excerpt.column
            ));
            lines.push(bar.clone());
            lines.push(format!("{number} {}", visible(&excerpt.text)));
            lines.push(format!(
                "{bar} {}{}",
                " ".repeat(excerpt.indent),
                palette.bad(carets.trim_end())
            ));
        }
    }
}

/// A note; its further lines stand below its first.
fn framed_note(note: &str, gutter: usize, palette: Palette) -> Vec<String> {
    let mut lines = note.lines();
    let first = lines.next().unwrap_or_default();
    let indent = " ".repeat(gutter + 1);
    let mut framed = vec![format!("{indent}{} {}", palette.frame("="), visible(first))];
    framed.extend(lines.map(|line| format!("{indent}  {}", visible(line)).trim_end().to_owned()));
    framed
}

/// Text that cannot steer a terminal: one visible character for each that is none.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, Source};

    fn at(text: &str, start: usize, end: usize) -> Place {
        Source::new("a.yaml", text.to_owned()).place(start, end)
    }

    #[test]
    fn the_look_is_that_of_rustc() {
        let place = at("steps:\n  - rum: 1\n", 11, 14);
        let diagnostic = Diagnostic::at(&place, "unknown step `rum`")
            .label("did you mean `run`?")
            .note("known steps: `run`\n`ping`");
        assert_eq!(
            render("error", &diagnostic, Palette::plain()),
            "error: unknown step `rum`
 --> a.yaml:2:5
  |
2 |   - rum: 1
  |     ^^^ did you mean `run`?
  = known steps: `run`
    `ping`"
        );
    }

    #[test]
    fn a_file_cannot_steer_the_terminal() {
        let diagnostic = Diagnostic::at(&at("\x1b[2Jx: 1", 0, 1), "bad \x07");
        assert!(!render("error", &diagnostic, Palette::plain()).contains(['\x1b', '\x07']));
    }

    #[test]
    fn carets_stand_below_characters_and_not_bytes() {
        let rendered = render("error", &Diagnostic::at(&at("ü: é", 4, 6), "x"), Palette::plain());
        assert!(rendered.ends_with("1 | ü: é\n  |    ^"), "{rendered}");
        assert!(rendered.contains("a.yaml:1:4"), "{rendered}");
    }
}
