//! What a client program prints: the last of it, without secrets and private keys, and nothing that steers a terminal.

use std::collections::VecDeque;

use crate::lab::Secret;
use crate::mask::{Masker, PrivateKeys};

/// The most that is kept, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The most lines that are told, and the most characters of each.
const MOST_LINES: usize = 40;
const MOST_CHARACTERS: usize = 400;

/// The newest bytes of an output.
#[derive(Default)]
pub(super) struct Tail {
    kept: VecDeque<u8>,
    is_cut: bool,
}

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        let too_many = self.kept.len().saturating_sub(MOST_BYTES);
        self.is_cut |= too_many > 0;
        self.kept.drain(..too_many);
    }

    /// The last lines; `secret` is what the program was given.
    pub(super) fn lines(self, secret: Option<&Secret>) -> Vec<String> {
        let bytes = Vec::from(self.kept);
        let text = String::from_utf8_lossy(&bytes);
        let masker = Masker::new(secret.cloned().into_iter().collect());
        let clear = if self.is_cut { masker.cut_text(&text) } else { masker.text(&text) };
        let mut keys = PrivateKeys::default();
        // What is left of a private key whose first line was cut away has no name, and its lines look like nothing else.
        let without_keys = clear.lines().map(|line| keys.left_out(line, false));
        let lines: Vec<String> = without_keys.map(|line| shown(&line)).collect();
        let told = lines.into_iter().filter(|line| !line.is_empty() && !is_base64(line));
        let told: Vec<String> = told.collect();
        told[told.len().saturating_sub(MOST_LINES)..].to_vec()
    }
}

/// A line of the inside of a PEM block.
fn is_base64(line: &str) -> bool {
    line.len() >= 60 && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

fn shown(line: &str) -> String {
    let escaped = |c: char| match c {
        '\t' => " ".to_owned(),
        c if c.is_control() => c.escape_debug().to_string(),
        c => c.to_string(),
    };
    line.trim_end().chars().take(MOST_CHARACTERS).map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_told_without_secrets_and_escapes() {
        let mut tail = Tail::default();
        tail.push(b"password hunter22\n\x1b[31mred\n-----BEGIN PRIVATE KEY-----\nMIIE\n");
        tail.push(b"-----END PRIVATE KEY-----\nlast");
        let lines = tail.lines(Some(&Secret::new("hunter22")));
        assert_eq!(lines[0], "password ****");
        assert_eq!(lines[1], "\\u{1b}[31mred");
        assert!(!lines.join("\n").contains("MIIE"), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("last"));
    }

    #[test]
    fn much_output_takes_no_more_room_than_is_kept() {
        let mut tail = Tail::default();
        for number in 0..20_000 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        assert!(tail.kept.len() <= MOST_BYTES);
        let lines = tail.lines(None);
        assert_eq!((lines.len(), lines[39].as_str()), (MOST_LINES, "line 19999"));
    }
}
