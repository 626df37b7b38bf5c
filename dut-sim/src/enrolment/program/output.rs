//! What a program prints, in lines: bounded in length and number, and without the bulk of PEM blocks.

/// The longest line that is kept, in bytes; the rest of it is left out.
const LONGEST_LINE: usize = 1000;
/// The most that a program may print, in bytes, before it is ended.
pub(super) const MOST_BYTES: usize = 1024 * 1024;
/// The most lines that it may print before it is ended.
pub(super) const MOST_LINES: usize = 5000;

/// Cuts bytes into lines as they come.
#[derive(Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    in_block: bool,
}

impl Lines {
    /// The lines that these bytes complete, what lies inside PEM blocks left out.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' => complete.extend(self.take()),
                _ if self.partial.len() < LONGEST_LINE => self.partial.push(byte),
                _ => {}
            }
        }
        complete
    }

    /// The last line, where it did not end.
    pub(super) fn finish(&mut self) -> Option<String> {
        self.take()
    }

    fn take(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
        let line = line.trim_end().escape_default_controls();
        let inside = self.in_block;
        if line.starts_with("-----BEGIN ") {
            self.in_block = true;
        } else if line.starts_with("-----END ") {
            self.in_block = false;
        }
        (!inside && !line.trim().is_empty()).then_some(line)
    }
}

trait EscapeControls {
    fn escape_default_controls(&self) -> String;
}

impl EscapeControls for str {
    /// Control characters would change the terminal that the log is shown on.
    fn escape_default_controls(&self) -> String {
        let escaped = |character: char| match character {
            '\t' => " ".to_owned(),
            character if character.is_control() => character.escape_debug().to_string(),
            character => character.to_string(),
        };
        self.chars().map(escaped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_bounded_and_blocks_without_their_bulk() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"one\ntw"), ["one"]);
        assert_eq!(lines.push(b"o\n\n\x1b[31mred\n"), ["two", "\\u{1b}[31mred"]);
        let block = b"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\nlast";
        assert_eq!(lines.push(block), ["-----BEGIN CERTIFICATE-----"]);
        assert_eq!(lines.finish().as_deref(), Some("last"));
        assert_eq!(lines.push(&[b'x'; 5000]), [""; 0]);
        assert_eq!(lines.push(b"\n")[0].len(), LONGEST_LINE);
    }
}
