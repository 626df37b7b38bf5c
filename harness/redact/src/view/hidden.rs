//! Bytes that a reader does not see: sequences that control a terminal, control characters, white space, format characters.

/// The longest sequence with a text in it, such as a title of the window, in bytes.
const LONGEST: usize = 256;

/// Length of the part at the beginning that is not seen; 0 if there is none.
pub(super) fn hidden(text: &[u8]) -> usize {
    match terminal_sequence(text) {
        0 => hidden_character(text),
        length => length,
    }
}

/// Length of the sequence that controls a terminal (ECMA-48 §5.4) at the beginning; 0 if there is none.
pub(super) fn terminal_sequence(text: &[u8]) -> usize {
    match text {
        // The second is CSI as one character.
        [0x1b, b'[', rest @ ..] | [0xc2, 0x9b, rest @ ..] => 2 + control_sequence(rest),
        [0x1b, b']' | b'P' | b'^' | b'_' | b'X', rest @ ..] => 2 + control_string(rest),
        [0x1b, 0x20..=0x2f, 0x30..=0x7e, ..] => 3,
        [0x1b, 0x30..=0x7e, ..] => 2,
        [0x1b, ..] => 1,
        _ => 0,
    }
}

/// Length of parameters and final byte; 0 if the final byte is missing.
fn control_sequence(rest: &[u8]) -> usize {
    let is_parameter = |byte: &&u8| matches!(**byte, 0x20..=0x3f);
    let length = rest.iter().take(LONGEST).take_while(is_parameter).count();
    if matches!(rest.get(length), Some(0x40..=0x7e)) { length + 1 } else { 0 }
}

/// Length of a text with its end (BEL, or ESC and a backslash); 0 if it has none.
fn control_string(rest: &[u8]) -> usize {
    let start = &rest[..rest.len().min(LONGEST)];
    let bell = start.iter().position(|byte| *byte == 7).map(|at| at + 1);
    let terminator = start.windows(2).position(|two| two == b"\x1b\\").map(|at| at + 2);
    bell.into_iter().chain(terminator).min().unwrap_or(0)
}

/// Length of the first character if it is not seen.
fn hidden_character(text: &[u8]) -> usize {
    let first = text.first().copied().unwrap_or_default();
    let length = match first {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return 0,
    };
    let character = text.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let is_hidden =
        |c: char| c.is_whitespace() || c.is_control() || crate::visible::is_invisible(c);
    match character.and_then(|character| character.chars().next()) {
        Some(c) if is_hidden(c) => length,
        _ => 0,
    }
}
