//! The newest lines that a program has printed.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use redact::Masker;
use regex::Regex;

use crate::child::Stream;
use crate::lines::Lines;

/// How many lines an error message shows.
const SHOWN: usize = 10;

/// The newest lines of both outputs, in the order that they came.
#[derive(Debug)]
pub struct Tail {
    out: Lines,
    err: Lines,
    kept: VecDeque<String>,
    most: usize,
}

impl Tail {
    /// Keeps at most so many lines, without these secrets.
    pub fn new(masker: &Arc<Masker>, most: usize) -> Self {
        let lines = || Lines::new(Arc::clone(masker));
        Self { out: lines(), err: lines(), kept: VecDeque::new(), most }
    }

    /// Looks for a line of standard output that matches.
    pub(crate) fn seeking(self, sought: Option<Regex>) -> Self {
        Self { out: self.out.seeking(sought), ..self }
    }

    pub(crate) fn has_found(&self) -> bool {
        self.out.has_found()
    }

    /// Takes what was printed next.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) {
        let lines = match stream {
            Stream::Out => self.out.push(bytes),
            Stream::Err => self.err.push(bytes),
        };
        self.keep(lines);
    }

    /// Ends both outputs, of which each may have begun a line.
    pub fn finish(&mut self) {
        let lines = [self.out.finish(), self.err.finish()];
        self.keep(lines.into_iter().flatten());
    }

    fn keep(&mut self, lines: impl IntoIterator<Item = String>) {
        self.kept.extend(lines);
        let surplus = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..surplus);
    }

    /// The lines, newest last.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(String::as_str)
    }

    /// A message with the newest lines under it.
    pub fn under(&self, message: &str) -> String {
        let begun = [self.out.begun(), self.err.begun()];
        let begun: Vec<&str> = begun.iter().flatten().map(String::as_str).collect();
        let heading = match (self.kept.is_empty(), begun.is_empty()) {
            (true, true) => return format!("{message}\nit wrote nothing"),
            (true, false) => "it wrote a line that does not end, and begins with:",
            _ => "its output ended with:",
        };
        let mut text = format!("{message}\n{heading}");
        let count = self.kept.len() + begun.len();
        for line in self.lines().chain(begun).skip(count.saturating_sub(SHOWN)) {
            let _ = write!(text, "\n  {line}");
        }
        text
    }

    /// A message and the newest lines, in one line.
    pub(crate) fn beside(&self, message: &str) -> String {
        let begun = [self.out.begun(), self.err.begun()];
        let lines = self.lines().chain(begun.iter().flatten().map(String::as_str));
        let words = lines.map(str::trim).collect::<Vec<_>>().join(" | ");
        if words.is_empty() {
            return message.to_owned();
        }
        format!("{message}; its last words: {words}")
    }
}

#[cfg(test)]
mod tests {
    use redact::Secret;

    use super::*;

    fn tail() -> Tail {
        Tail::new(&Arc::new(Masker::new([Secret::new("hunter22")])), 40)
    }

    #[test]
    fn the_last_lines_are_told_without_secrets_and_escapes() {
        let mut tail = tail();
        let begin = b"password hunter22\n\x1b[31mred\n-----BEGIN PRIVATE KEY-----\nMIIE\n";
        tail.push(Stream::Out, begin);
        tail.push(Stream::Err, b"warn");
        tail.push(Stream::Out, b"-----END PRIVATE KEY-----\nlast");
        tail.push(Stream::Err, b"ing\n");
        tail.finish();
        let lines: Vec<&str> = tail.lines().collect();
        assert_eq!(lines[0], "password ****");
        assert_eq!(lines[1], "\\u{1b}[31mred");
        assert!(!lines.join("\n").contains("MIIE"), "{lines:?}");
        assert_eq!(lines[4..], ["warning", "last"]);
    }

    #[test]
    fn much_output_takes_no_more_room_than_is_kept() {
        let mut tail = tail();
        for number in 0..20_000 {
            tail.push(Stream::Out, format!("line {number}\n").as_bytes());
        }
        let lines: Vec<&str> = tail.lines().collect();
        assert_eq!((lines.len(), lines[39]), (40, "line 19999"));
    }
}
