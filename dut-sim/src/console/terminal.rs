//! Prompt, editing, history and completion on a terminal.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Input;
use crate::completion::Candidate;
use crate::remote::RemoteConsole;

/// Timeout for a completion.
const COMPLETION_LIMIT: Duration = Duration::from_secs(2);
/// Number of lines in the history.
const HISTORY: usize = 1000;

pub(super) struct Terminal {
    editor: Editor<Words, DefaultHistory>,
}

impl Terminal {
    /// A terminal with completion until the console ends. It must be made within the runtime.
    pub(super) fn new(device: &Arc<RemoteConsole>) -> io::Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY)
            .map_err(into_io)?
            .build();
        let mut editor = Editor::with_config(config).map_err(into_io)?;
        editor
            .set_helper(Some(Words { device: Arc::downgrade(device), runtime: Handle::current() }));
        Ok(Self { editor })
    }

    pub(super) fn read(&mut self, prompt: &str) -> io::Result<Input> {
        match self.editor.readline(prompt) {
            Ok(line) => {
                self.add_to_history(&line)?;
                Ok(Input::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Input::Interrupted),
            Err(ReadlineError::Eof) => Ok(Input::End),
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                Ok(Input::NotUtf8)
            }
            Err(error) => Err(into_io(error)),
        }
    }

    /// Columns and lines of the terminal, if known.
    pub(super) fn size(&mut self) -> Option<(u16, u16)> {
        self.editor.dimensions()
    }

    /// Adds a line to the history, unless it has a clear-text secret.
    fn add_to_history(&mut self, line: &str) -> io::Result<()> {
        if line.trim().is_empty() || crate::device::lines::shows_secret(line) {
            return Ok(());
        }
        self.editor.add_history_entry(line).map(drop).map_err(into_io)
    }
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Completes words from the tables of the device.
struct Words {
    device: Weak<RemoteConsole>,
    runtime: Handle,
}

impl Words {
    /// Candidates after `words`; none once the console has ended. It blocks, so tasks must not call it.
    fn candidates(&self, words: Vec<String>, partial: &str) -> Vec<Candidate> {
        let Some(device) = self.device.upgrade() else { return Vec::new() };
        let offered = device.complete(words, partial.to_owned());
        let offered = self.runtime.block_on(async { timeout(COMPLETION_LIMIT, offered).await });
        offered.ok().and_then(Result::ok).unwrap_or_default()
    }
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Validator for Words {}

impl Hinter for Words {
    type Hint = String;
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let start = last_word(typed);
        let words: Vec<_> = typed[..start].split_whitespace().map(str::to_owned).collect();
        let candidates = self.candidates(words, &typed[start..]);
        let width = candidates.iter().map(|each| each.word.len()).max().unwrap_or_default();
        let only_placeholders = candidates.iter().all(|each| each.placeholder);
        let pairs = candidates.into_iter().map(|each| Pair {
            display: format!("{:width$}  {}", each.word, each.help).trim_end().to_owned(),
            replacement: if each.placeholder { String::new() } else { format!("{} ", each.word) },
        });
        let mut pairs: Vec<_> = pairs.collect();
        // A single candidate would be inserted; a second, empty line makes the placeholder be shown instead.
        if only_placeholders && pairs.len() == 1 {
            pairs.push(Pair { display: String::new(), replacement: String::new() });
        }
        Ok((start, pairs))
    }
}

/// Start of the last word: after the last blank, which may be longer than a byte.
fn last_word(typed: &str) -> usize {
    let blank = typed.char_indices().rev().find(|(_, c)| c.is_whitespace());
    blank.map_or(0, |(at, blank)| at + blank.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_word_begins_after_a_blank_of_any_length() {
        for typed in ["show run", "show\u{a0}run", "show \u{3000}run", "run"] {
            assert_eq!(&typed[last_word(typed)..], "run");
        }
        assert_eq!(last_word("show\u{a0}"), 6);
    }
}
