//! Long outputs at a terminal, a screen at a time.
//!
//! `VyOS` pipes them to `less`, whose prompt is `:`; what OSDx does is not documented. Here the space bar shows the next
//! screen, Enter the next line, and `q` or Ctrl-C leaves the rest.

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;

use super::keys::{Key, Keys};

/// What waits for a key.
const PROMPT: &[u8] = b":";
/// Takes the prompt away.
const ERASE: &[u8] = b"\r\x1b[K";
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;

/// The room for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines {
    columns: usize,
    /// `None` is without end.
    lines: Option<usize>,
}

impl Lines {
    /// What the user said goes before what the terminal says.
    pub(super) fn of(terminal: Option<(u16, u16)>, said: Option<u16>) -> Self {
        let columns = terminal.map_or(0, |(columns, _)| columns).max(1).into();
        let lines = said.or(terminal.map(|(_, lines)| lines)).unwrap_or_default();
        // A terminal that does not know its size has none, and one of a line has no room for anything.
        let lines = (2..u16::MAX).contains(&lines).then_some(lines.into());
        Self { columns, lines }
    }

    /// How many lines of the terminal a line of text takes.
    fn taken_by(&self, line: &str) -> usize {
        line.chars().count().div_ceil(self.columns).max(1)
    }
}

/// Shows a text; a reader that is gone is a reason to end.
pub(super) fn show(text: &str, lines: &Lines) -> io::Result<ControlFlow<()>> {
    // From before the first line on: a key that is pressed as soon as the text is there is not echoed.
    let mut keys = Keys::open()?;
    match show_with(text, lines, &mut io::stdout().lock(), || keys.next()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

fn show_with(
    text: &str,
    room: &Lines,
    output: &mut impl Write,
    mut key: impl FnMut() -> io::Result<Key>,
) -> io::Result<()> {
    let screen = room.lines.map_or(usize::MAX, |lines| lines - 1);
    let mut left = screen;
    for line in text.lines() {
        let taken = room.taken_by(line);
        if left == 0 || taken > left && left < screen {
            match ask(output, &mut key)? {
                Wanted::Screen => left = screen,
                Wanted::Line => left = taken,
                Wanted::Nothing => return Ok(()),
            }
        }
        writeln!(output, "{line}")?;
        left = left.saturating_sub(taken);
    }
    output.flush()
}

/// What is to be shown next.
enum Wanted {
    Screen,
    Line,
    Nothing,
}

fn ask(output: &mut impl Write, key: &mut impl FnMut() -> io::Result<Key>) -> io::Result<Wanted> {
    output.write_all(PROMPT)?;
    output.flush()?;
    let wanted = loop {
        match key()? {
            Key::Byte(b' ') => break Wanted::Screen,
            Key::Byte(b'\r' | b'\n') => break Wanted::Line,
            Key::Byte(b'q' | b'Q' | CTRL_C | CTRL_D) | Key::End => break Wanted::Nothing,
            Key::Byte(_) => {}
        }
    };
    output.write_all(ERASE)?;
    output.flush()?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is on the screen in the end, and how many keys were asked for.
    fn shown(text: &str, room: Lines, keys: &[u8]) -> (String, usize) {
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

    fn terminal(columns: u16, lines: u16) -> Lines {
        Lines::of(Some((columns, lines)), None)
    }

    #[test]
    fn what_fits_is_shown_at_once_and_the_rest_by_keys() {
        let text = "1\n2\n3\n4\n5\n6\n7";
        let all = "1\n2\n3\n4\n5\n6\n7\n";
        assert_eq!(shown(text, terminal(80, 8), b""), (all.to_owned(), 0));
        assert_eq!(shown(text, terminal(80, 4), b"  "), ("1\n2\n3\n|4\n5\n6\n|7\n".to_owned(), 2));
        assert_eq!(shown(text, terminal(80, 4), b"x\rq"), ("1\n2\n3\n|4\n|".to_owned(), 3));
        assert_eq!(shown(text, terminal(80, 4), b""), ("1\n2\n3\n|".to_owned(), 1));
    }

    #[test]
    fn a_long_line_takes_the_room_of_several() {
        let text = "12345\n2\n3";
        assert_eq!(shown(text, terminal(2, 4), b" "), ("12345\n|2\n3\n".to_owned(), 1));
        assert_eq!(shown(text, terminal(1, 3), b" "), ("12345\n|2\n3\n".to_owned(), 1));
    }

    #[test]
    fn the_user_says_how_long_a_screen_is_or_that_it_has_no_end() {
        let text = "1\n2\n3";
        assert_eq!(shown(text, Lines::of(Some((80, 2)), Some(0)), b"").1, 0);
        assert_eq!(shown(text, Lines::of(Some((80, 24)), Some(3)), b" ").1, 1);
        assert_eq!(shown(text, Lines::of(None, None), b"").1, 0);
        assert_eq!(shown(text, Lines::of(Some((80, u16::MAX)), None), b"").1, 0);
    }
}
