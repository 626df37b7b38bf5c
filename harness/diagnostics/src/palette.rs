//! Colours for terminals.

use std::io::IsTerminal;

/// The colours of a text, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    colour: bool,
}

impl Palette {
    /// No colour.
    pub const fn plain() -> Self {
        Self { colour: false }
    }

    /// Always colours.
    pub const fn coloured() -> Self {
        Self { colour: true }
    }

    /// Colours if the stream is a terminal that supports them and `NO_COLOR` (<https://no-color.org>) is not set.
    pub fn of(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // Windows' terminals have no name.
        let dumb = std::env::var_os("TERM")
            .map_or(cfg!(not(windows)), |term| term == "dumb" || term.is_empty());
        Self { colour: stream.is_terminal() && !refused && !dumb }
    }

    /// A failure.
    pub fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A success.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that did not happen.
    pub fn doubtful(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// The frame around an excerpt.
    pub fn frame(self, text: &str) -> String {
        self.paint("1;34", text)
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// A text of less importance.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
