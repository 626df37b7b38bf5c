//! Shows long outputs at a terminal, one screen at a time.
//!
//! `VyOS` pipes them to `less`, whose prompt is `:`; what OSDx does is not documented. Here the space bar shows the next
//! screen, Enter the next line, and `q` or Ctrl-C skips the rest.

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;

use super::keys::{Key, Keys};

/// Prompt that waits for a key.
const PROMPT: &[u8] = b":";
/// Erases the prompt.
const ERASE: &[u8] = b"\r\x1b[K";
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;

/// Size of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScreenSize {
    columns: usize,
    /// `None` means no limit.
    lines: Option<usize>,
}

impl ScreenSize {
    /// The number of lines that the user has set takes precedence over the terminal's.
    pub(super) fn of(terminal: Option<(u16, u16)>, configured: Option<u16>) -> Self {
        let columns = terminal.map_or(0, |(columns, _)| columns).max(1).into();
        let lines = configured.or(terminal.map(|(_, lines)| lines)).unwrap_or_default();
        // A terminal of unknown size has no limit, and a single line has no room for text beside the prompt.
        let lines = (2..u16::MAX).contains(&lines).then_some(lines.into());
        Self { columns, lines }
    }

    /// Number of terminal lines that a line of text takes.
    fn taken_by(&self, line: &str) -> usize {
        line.chars().count().div_ceil(self.columns).max(1)
    }
}

/// Shows a text; a closed pipe ends the console without an error.
pub(super) fn show(text: &str, lines: &ScreenSize) -> io::Result<ControlFlow<()>> {
    // Before the first line, so that a key pressed early is not echoed.
    let mut keys = Keys::open()?;
    match show_with(text, lines, &mut io::stdout().lock(), || keys.next()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

fn show_with(
    text: &str,
    room: &ScreenSize,
    output: &mut impl Write,
    mut key: impl FnMut() -> io::Result<Key>,
) -> io::Result<()> {
    let screen = room.lines.map_or(usize::MAX, |lines| lines - 1);
    let mut left = screen;
    for line in text.lines() {
        let taken = room.taken_by(line);
        if left == 0 || taken > left && left < screen {
            match ask(output, &mut key)? {
                Choice::Screen => left = screen,
                Choice::Line => left = taken,
                Choice::Nothing => return Ok(()),
            }
        }
        writeln!(output, "{line}")?;
        left = left.saturating_sub(taken);
    }
    output.flush()
}

/// The user's choice at the pager's prompt.
enum Choice {
    Screen,
    Line,
    Nothing,
}

fn ask(output: &mut impl Write, key: &mut impl FnMut() -> io::Result<Key>) -> io::Result<Choice> {
    output.write_all(PROMPT)?;
    output.flush()?;
    let choice = loop {
        match key()? {
            Key::Byte(b' ') => break Choice::Screen,
            Key::Byte(b'\r' | b'\n') => break Choice::Line,
            Key::Byte(b'q' | b'Q' | CTRL_C | CTRL_D) | Key::End => break Choice::Nothing,
            Key::Byte(_) => {}
        }
    };
    output.write_all(ERASE)?;
    output.flush()?;
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The final screen, and the number of keys that were read.
    fn shown(text: &str, room: ScreenSize, keys: &[u8]) -> (String, usize) {
        let mut output = Vec::new();
        let mut pressed = keys.iter();
        let mut asked = 0;
        let key = || {
            asked += 1;
            Ok(pressed.next().map_or(Key::End, |key| Key::Byte(*key)))
        };
        show_with(text, &room, &mut output, key).unwrap();
        (String::from_utf8(output).unwrap().replace(":\r\x1b[K", "|"), asked)
    }

    fn terminal(columns: u16, lines: u16) -> ScreenSize {
        ScreenSize::of(Some((columns, lines)), None)
    }

    #[test]
    fn first_screen_is_shown_at_once_and_the_rest_by_keys() {
        let text = "1\n2\n3\n4\n5\n6\n7";
        let all = "1\n2\n3\n4\n5\n6\n7\n";
        assert_eq!(shown(text, terminal(80, 8), b""), (all.to_owned(), 0));
        assert_eq!(shown(text, terminal(80, 4), b"  "), ("1\n2\n3\n|4\n5\n6\n|7\n".to_owned(), 2));
        assert_eq!(shown(text, terminal(80, 4), b"x\rq"), ("1\n2\n3\n|4\n|".to_owned(), 3));
        assert_eq!(shown(text, terminal(80, 4), b""), ("1\n2\n3\n|".to_owned(), 1));
    }

    #[test]
    fn long_line_counts_as_several() {
        let text = "12345\n2\n3";
        assert_eq!(shown(text, terminal(2, 4), b" "), ("12345\n|2\n3\n".to_owned(), 1));
        assert_eq!(shown(text, terminal(1, 3), b" "), ("12345\n|2\n3\n".to_owned(), 1));
    }

    #[test]
    fn configured_length_overrides_the_terminal_and_zero_disables_paging() {
        let text = "1\n2\n3";
        assert_eq!(shown(text, ScreenSize::of(Some((80, 2)), Some(0)), b"").1, 0);
        assert_eq!(shown(text, ScreenSize::of(Some((80, 24)), Some(3)), b" ").1, 1);
        assert_eq!(shown(text, ScreenSize::of(None, None), b"").1, 0);
        assert_eq!(shown(text, ScreenSize::of(Some((80, u16::MAX)), None), b"").1, 0);
    }
}
