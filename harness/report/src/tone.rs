//! How a word is to look.

use diagnostics::Palette;

/// How a word is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As what went well.
    Good,
    /// As what went wrong.
    Bad,
    /// As what did not take place, or only so far.
    Doubtful,
    /// As what is of lesser weight.
    Faint,
    /// As any other text.
    Plain,
}

impl Tone {
    /// The text in this tone.
    pub(super) fn paint(self, palette: Palette, text: &str) -> String {
        match self {
            Self::Good => palette.good(text),
            Self::Bad => palette.bad(text),
            Self::Doubtful => palette.doubtful(text),
            Self::Faint => palette.faint(text),
            Self::Plain => text.to_owned(),
        }
    }
}
