//! Drawing of diagnostics, in the style of rustc.

use redact::visible;

use super::{Diagnostic, Excerpt, Location, Palette};

/// Renders a diagnostic below a heading such as `error`; ends without a line feed.
pub fn render(heading: &str, diagnostic: &Diagnostic, palette: Palette) -> String {
    let line = match &diagnostic.location {
        Location::Excerpt(excerpt) => excerpt.line,
        Location::File(_) | Location::Nowhere => 1,
    };
    let mut frame = Frame::new(heading, &diagnostic.message, line, palette);
    match &diagnostic.location {
        Location::Nowhere if diagnostic.label.is_empty() => {}
        Location::Nowhere => frame.note(&diagnostic.label),
        Location::File(path) => frame.file(path),
        Location::Excerpt(excerpt) => frame.excerpt(excerpt, &diagnostic.label),
    }
    diagnostic.notes.iter().for_each(|note| frame.note(note));
    frame.finish()
}

/// Excerpts and notes below one heading, with a common gutter.
#[derive(Debug)]
pub struct Frame {
    lines: Vec<String>,
    gutter: usize,
    palette: Palette,
}

impl Frame {
    /// Begins with the heading. `last_line` is the greatest line number that will be shown.
    pub fn new(heading: &str, message: &str, last_line: usize, palette: Palette) -> Self {
        let message = palette.strong(&format!(": {}", visible(message)));
        let lines = vec![format!("{}{message}", palette.bad(heading))];
        Self { lines, gutter: last_line.to_string().len(), palette }
    }

    /// Adds the path of a file.
    pub fn file(&mut self, path: &str) {
        let arrow = format!("{}{}", " ".repeat(self.gutter), self.palette.frame("-->"));
        self.lines.push(format!("{arrow} {}", visible(path)));
    }

    /// Adds an excerpt with its position.
    pub fn excerpt(&mut self, excerpt: &Excerpt, label: &str) {
        self.file(&format!("{}:{}:{}", excerpt.path, excerpt.line, excerpt.column));
        self.lines.push(self.bar());
        self.further_excerpt(excerpt, label);
    }

    /// Adds another excerpt of the same file.
    pub fn further_excerpt(&mut self, excerpt: &Excerpt, label: &str) {
        let gutter = self.gutter;
        let number = self.palette.frame(&format!("{:>gutter$} |", excerpt.line));
        self.lines.push(format!("{number} {}", visible(&excerpt.text)));
        // An escaped control character is wider than one column.
        let room = |from: usize, count: usize| {
            visible(&excerpt.text.chars().skip(from).take(count).collect::<String>())
                .chars()
                .count()
        };
        let (indent, width) = (room(0, excerpt.indent), room(excerpt.indent, excerpt.width));
        let carets = format!("{} {}", "^".repeat(width.max(1)), visible(label));
        let carets = self.palette.bad(carets.trim_end());
        self.lines.push(format!("{} {}{carets}", self.bar(), " ".repeat(indent)));
    }

    /// Adds a note; all its lines are aligned.
    pub fn note(&mut self, note: &str) {
        let mut lines = note.lines();
        let indent = " ".repeat(self.gutter + 1);
        let first = visible(lines.next().unwrap_or_default());
        self.lines
            .push(format!("{indent}{} {first}", self.palette.frame("=")).trim_end().to_owned());
        let further =
            lines.map(|line| format!("{indent}  {}", visible(line)).trim_end().to_owned());
        self.lines.extend(further);
    }

    /// The drawing, without a final line feed.
    pub fn finish(self) -> String {
        self.lines.join("\n")
    }

    fn bar(&self) -> String {
        self.palette.frame(&format!("{} |", " ".repeat(self.gutter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Source};

    fn at(text: &str, start: usize, end: usize) -> Place {
        Source::new("a.yaml", text.to_owned()).place(start, end)
    }

    #[test]
    fn a_diagnostic_looks_like_rustc_s() {
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
    fn control_characters_are_escaped() {
        let diagnostic = Diagnostic::at(&at("\x1b[2Jx: 1", 0, 1), "bad \x07");
        assert!(!render("error", &diagnostic, Palette::plain()).contains(['\x1b', '\x07']));
    }

    #[test]
    fn carets_are_aligned_after_a_control_character() {
        let rendered =
            render("error", &Diagnostic::at(&at("\x1b: é", 3, 5), "x"), Palette::plain());
        assert!(rendered.ends_with("1 | \\u{1b}: é\n  |         ^"), "{rendered}");
    }

    #[test]
    fn carets_are_aligned_by_characters() {
        let rendered = render("error", &Diagnostic::at(&at("ü: é", 4, 6), "x"), Palette::plain());
        assert!(rendered.ends_with("1 | ü: é\n  |    ^"), "{rendered}");
        assert!(rendered.contains("a.yaml:1:4"), "{rendered}");
    }
}
