//! The output of a program in lines: limited in length, with secrets masked, without private keys, with control characters
//! escaped; and the newest of these lines.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::mem::take;
use std::sync::Arc;

use redact::{LinesBefore, Masker, OutputLine, PrivateKeys, visible};
use regex::Regex;

use crate::child::Stream;

/// Limit of a line in bytes; the rest is dropped.
pub const LINE_LIMIT: usize = 1000;

/// Length in bytes from which an eighth of odd bytes makes a line binary; in a shorter line, half of them must be odd.
const LONG_LINE: usize = 16;

/// Number of lines in an error message.
const SHOWN: usize = 10;

/// What the line before was, without empty lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Previous {
    #[default]
    Text,
    /// A line of a PEM block (RFC 7468), whose content is dropped.
    PemBlock,
    /// A piece of binary output, which a short piece may follow.
    Binary,
}

/// Splits bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    masker: Arc<Masker>,
    keys: PrivateKeys,
    /// The lines before, because a secret may go on in the next.
    before: LinesBefore,
    line: Vec<u8>,
    is_cut: bool,
    previous: Previous,
    /// Searched for in each line, including an incomplete one.
    pattern: Option<Regex>,
    found: bool,
}

impl Lines {
    /// Masks these secrets.
    pub fn new(masker: Arc<Masker>) -> Self {
        Self { masker, ..Self::default() }
    }

    /// The lines that these bytes complete, without empty lines and contents of PEM blocks. A line at whose end a secret may begin comes
    /// with the next one.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let content = part.strip_suffix(b"\n").unwrap_or(part);
            let room = LINE_LIMIT.saturating_sub(self.line.len());
            self.line.extend_from_slice(&content[..content.len().min(room)]);
            self.is_cut |= content.len() > room;
            if part.len() > content.len() {
                complete.extend(self.complete());
            }
        }
        // The line may be an incomplete one, such as a prompt.
        self.search();
        complete
    }

    /// The last lines: the one without a line feed, and those that waited for it.
    pub fn finish(&mut self) -> Vec<String> {
        let mut last = self.complete();
        last.extend(shown(self.before.finish(&self.masker)));
        last
    }

    /// Completes the line; returns the lines that need not wait.
    fn complete(&mut self) -> Vec<String> {
        self.search();
        let (line, is_cut) = (take(&mut self.line), take(&mut self.is_cut));
        let is_binary = is_binary(&line, self.previous);
        let text = text(&line, is_cut, is_binary, &mut self.keys);
        let is_bulk = self.previous == Previous::PemBlock && is_base64(&text);
        let begins_block = text.starts_with("-----BEGIN ") && !text.contains("-----END ");
        if is_binary {
            self.previous = Previous::Binary;
        } else if begins_block {
            self.previous = Previous::PemBlock;
        } else if !line.is_empty() && !is_bulk {
            self.previous = Previous::Text;
        }
        if is_bulk {
            return Vec::new();
        }
        shown(self.before.masked(&self.masker, OutputLine { text, is_cut }))
    }

    /// The lines that wait for the next one.
    fn waiting(&self) -> Vec<String> {
        shown(self.before.waiting(&self.masker))
    }

    /// The lines that wait, and the beginning of an incomplete line. It is treated as cut, because it may end within a secret.
    pub fn begun(&self) -> Vec<String> {
        let line = self.line.trim_ascii_end();
        if line.is_empty() {
            return self.waiting();
        }
        let (mut keys, mut before) = (self.keys.clone(), self.before.clone());
        let is_binary = is_binary(line, self.previous);
        let text = text(line, true, is_binary, &mut keys);
        shown(before.masked(&self.masker, OutputLine { text, is_cut: true }))
    }

    fn search(&mut self) {
        let Some(pattern) = self.pattern.as_ref().filter(|_| !self.found) else { return };
        self.found = pattern.is_match(String::from_utf8_lossy(&self.line).trim_end_matches('\r'));
    }
}

/// The end of the name of a line of bytes that are no text.
const NO_TEXT: &str = " bytes that are no text)";

/// The name of a line that is one such byte.
const NO_CHARACTER: &str = "(1 byte that is no text)";

/// True for the name that a line of bytes that are no text has.
pub fn is_no_text(line: &str) -> bool {
    let name = line.trim_end_matches('…');
    name == NO_CHARACTER || name.starts_with('(') && name.ends_with(NO_TEXT)
}

/// The line without the contents of private keys; a line of bytes that are no text is only named.
fn text(line: &[u8], is_cut: bool, is_binary: bool, keys: &mut PrivateKeys) -> String {
    if is_binary && line.len() == 1 && !is_cut {
        return NO_CHARACTER.to_owned();
    }
    if is_binary {
        let more = if is_cut { "more than " } else { "" };
        return format!("({more}{}{NO_TEXT}", line.len());
    }
    keys.left_out(&readable(line.trim_ascii_end()), is_cut)
}

/// The lines as they are shown, without empty ones.
fn shown(lines: Vec<OutputLine>) -> Vec<String> {
    let end = |line: OutputLine| if line.is_cut { line.text + "…" } else { line.text };
    let lines = lines.into_iter().map(|line| visible(&end(line)));
    lines.filter(|line| !line.is_empty()).collect()
}

/// True if so many bytes are odd (control characters or no UTF-8) as in a certificate in DER, which line feeds may cut into pieces
/// of any length: a short piece after a binary line needs only one.
fn is_binary(line: &[u8], previous: Previous) -> bool {
    let is_odd = |character: &char| character.is_control() && !character.is_whitespace();
    let odd = |valid: &str| valid.chars().filter(is_odd).count();
    let odd: usize =
        line.utf8_chunks().map(|chunk| odd(chunk.valid()) + chunk.invalid().len()).sum();
    match line.len() {
        0 => false,
        LONG_LINE.. => odd * 8 > line.len(),
        _ if previous == Previous::Binary => odd > 0,
        length => length > 1 && odd * 2 >= length,
    }
}

/// Decodes UTF-8; other bytes become `\xNN`.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// True if a line may be a part of a PEM block, which may begin with an empty line.
fn is_base64(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// The newest lines of both outputs, in order of arrival.
#[derive(Debug)]
pub struct Tail {
    out: Lines,
    err: Lines,
    kept: VecDeque<String>,
    most: usize,
}

impl Tail {
    /// Keeps at most `most` lines, with these secrets masked.
    pub fn new(masker: &Arc<Masker>, most: usize) -> Self {
        let lines = || Lines::new(Arc::clone(masker));
        Self { out: lines(), err: lines(), kept: VecDeque::new(), most }
    }

    /// Searches for a line of standard output that matches.
    pub(crate) fn search_for(&mut self, pattern: Option<Regex>) {
        self.out.pattern = pattern;
    }

    pub(crate) fn has_found(&self) -> bool {
        self.out.found
    }

    /// Adds output.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) {
        let lines = match stream {
            Stream::Out => self.out.push(bytes),
            Stream::Err => self.err.push(bytes),
        };
        self.keep(lines);
    }

    /// Completes the last lines of both outputs.
    pub fn finish(&mut self) {
        let lines = [self.out.finish(), self.err.finish()];
        self.keep(lines.concat());
    }

    fn keep(&mut self, lines: impl IntoIterator<Item = String>) {
        self.kept.extend(lines);
        let surplus = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..surplus);
    }

    /// The lines, newest last; incomplete ones are not among them.
    pub fn lines(&self) -> Vec<String> {
        let waiting = [self.out.waiting(), self.err.waiting()].concat();
        self.newest(waiting, self.most)
    }

    /// The newest lines, at most `most`; `last` are the last of them.
    fn newest(&self, last: Vec<String>, most: usize) -> Vec<String> {
        let surplus = (self.kept.len() + last.len()).saturating_sub(most);
        self.kept.iter().cloned().chain(last).skip(surplus).collect()
    }

    /// What a line begins with that has not ended, and the lines before it that wait.
    fn begun(&self) -> Vec<String> {
        [self.out.begun(), self.err.begun()].concat()
    }

    /// A message, and the newest lines below it.
    pub fn under(&self, message: &str) -> String {
        let begun = self.begun();
        let heading = match (self.kept.is_empty(), begun.is_empty()) {
            (true, true) => return format!("{message}\nit wrote nothing"),
            (true, false) => "it wrote a line that does not end, and begins with:",
            _ => "its output ended with:",
        };
        let mut text = format!("{message}\n{heading}");
        for line in self.newest(begun, SHOWN) {
            let _ = write!(text, "\n  {line}");
        }
        text
    }

    /// A message and the newest lines in a single line.
    pub(crate) fn beside(&self, message: &str) -> String {
        let lines = self.newest(self.begun(), usize::MAX);
        let words = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" | ");
        if words.is_empty() {
            return message.to_owned();
        }
        format!("{message}; last output: {words}")
    }
}

#[cfg(test)]
mod tests {
    use redact::Secret;

    use super::*;

    fn lines() -> Lines {
        Lines::new(Arc::new(Masker::new([Secret::new("correct-horse")])))
    }

    #[test]
    fn lines_are_complete_and_limited_and_pem_content_is_dropped() {
        let mut lines = lines();
        assert_eq!(lines.push(b"one\ntw"), ["one"]);
        assert_eq!(lines.push(b"o\n\n\x1b[31mred\n"), ["two", "\\u{1b}[31mred"]);
        let block = b"-----BEGIN CERTIFICATE-----\nMIIC\nAA==\n-----END CERTIFICATE-----\nlast";
        let ends = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
        assert_eq!(lines.push(block), ends);
        assert_eq!(lines.finish(), ["last"]);
        assert_eq!(lines.push(&[b'x'; 5000]), [""; 0]);
        assert_eq!(lines.push(b"\n"), ["x".repeat(LINE_LIMIT) + "…"]);
    }

    #[test]
    fn secrets_are_masked_and_other_bytes_escaped() {
        let mut lines = lines();
        let complete = lines.push(b"pass correct-horse\n\n\x1b[2J\xff\x00 \xc3\xa9\r\nlast");
        assert_eq!(complete, ["pass ****", "\\u{1b}[2J\\xff\\0 é"]);
        assert_eq!(lines.finish(), ["last"]);
    }

    #[test]
    fn private_keys_with_long_lines_are_left_out() {
        let key = format!("{}\n{}\n", "M".repeat(64), "I".repeat(2 * LINE_LIMIT));
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        let complete = lines().push(format!("{begin}\n{key}{end}\nserving\n").as_bytes());
        assert_eq!(complete, [&format!("{begin}****"), end, "serving"]);
    }

    #[test]
    fn binary_output_is_named_and_text_in_other_encodings_is_shown() {
        let der: Vec<u8> = (0..100).map(|byte: u8| byte.wrapping_mul(7) | 0x80).collect();
        let complete = lines().push(&[&der[..], b"\n"].concat());
        assert_eq!(complete, ["(100 bytes that are no text)"]);
        // Pieces of one binary output, as line feeds cut it.
        let pieces = [&b"0\x82\x03\n"[..], &der, b"\nt\x82\xc1m\n?\x04 Cg\n\n\x1f\n"].concat();
        let named = ["(3 bytes that are no text)", "(100 bytes that are no text)"]
            .into_iter()
            .chain(["(4 bytes that are no text)", "(5 bytes that are no text)"])
            .chain(["(1 byte that is no text)"]);
        let complete = lines().push(&pieces);
        assert_eq!(complete, named.collect::<Vec<_>>());
        assert!(complete.iter().all(|line| is_no_text(line)));
        let latin = lines().push(b"Zertifikat f\xfcr Ger\xe4t ung\xfcltig\n");
        assert_eq!(latin, ["Zertifikat f\\xfcr Ger\\xe4t ung\\xfcltig"]);
    }

    fn tail() -> Tail {
        Tail::new(&Arc::new(Masker::new([Secret::new("hunter22")])), 40)
    }

    #[test]
    fn tail_has_no_secrets_and_control_characters() {
        let mut tail = tail();
        let begin = b"password hunter22\n\x1b[31mred\n-----BEGIN PRIVATE KEY-----\nMIIE\n";
        tail.push(Stream::Out, begin);
        tail.push(Stream::Err, b"warn");
        tail.push(Stream::Out, b"-----END PRIVATE KEY-----\nlast");
        tail.push(Stream::Err, b"ing\n");
        tail.finish();
        let lines = tail.lines();
        assert_eq!(lines[0], "password ****");
        assert_eq!(lines[1], "\\u{1b}[31mred");
        assert!(!lines.join("\n").contains("MIIE"), "{lines:?}");
        assert_eq!(lines[4..], ["warning", "last"]);
    }

    #[test]
    fn tail_keeps_only_the_newest_lines() {
        let mut tail = tail();
        for number in 0..20_000 {
            tail.push(Stream::Out, format!("line {number}\n").as_bytes());
        }
        let lines = tail.lines();
        assert_eq!((lines.len(), lines[39].as_str()), (40, "line 19999"));
    }

    /// Pieces of a secret come in several writes, in several lines, and to both outputs.
    #[test]
    fn secret_in_pieces_is_in_no_line() {
        let mut tail = tail();
        for piece in ["x hun", "t\n", "er", "\n22", " y\n"] {
            tail.push(Stream::Out, piece.as_bytes());
            tail.push(Stream::Err, b"at work\n");
            for shown in [tail.lines().concat(), tail.under("it ended"), tail.beside("it ended")] {
                assert!(!shown.contains("hunt"), "{shown}");
            }
        }
        tail.push(Stream::Err, b"the hunt");
        tail.finish();
        let of_out: Vec<String> = tail.lines().into_iter().filter(|it| it != "at work").collect();
        assert_eq!(of_out, ["x ****", "****", "**** y", "the hunt"]);
    }
}
