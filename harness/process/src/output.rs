//! What a program writes: the newest lines of it, secrets masked and private keys left out, nothing in them that steers a
//! terminal.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;

use crate::mask::{Masker, PrivateKeys};

/// How many lines are kept.
const LINES: usize = 100;

/// How many bytes of a line are kept; the rest of it is dropped.
const LINE: usize = 1000;

/// How many lines an error message shows.
const LAST_WORDS: usize = 10;

/// How long the output of a process that has ended is read on; others may hold its other end.
const AFTERMATH: Duration = Duration::from_millis(200);

/// An output that is read on, however much it is, until it ends.
#[derive(Clone)]
pub(crate) struct Output {
    kept: Arc<Mutex<Kept>>,
    state: watch::Receiver<State>,
}

/// What is kept of an output.
#[derive(Default)]
struct Kept {
    /// The newest lines, newest last.
    lines: VecDeque<String>,
    /// What there is of a line that has no end yet; may be empty.
    begun: String,
}

#[derive(Clone, Copy, Default)]
struct State {
    matched: bool,
    ended: bool,
}

impl Output {
    /// Reads in the background, and looks for a line that matches.
    pub(crate) fn read(
        reader: impl AsyncRead + Unpin + Send + 'static,
        masker: Arc<Masker>,
        sought: Option<&str>,
    ) -> Self {
        let kept = Arc::<Mutex<Kept>>::default();
        let (change, state) = watch::channel(State::default());
        // The lab file was refused if it is no expression.
        let sought = sought.and_then(|it| RegexBuilder::new(it).multi_line(true).build().ok());
        let line = Line { bytes: Vec::new(), cut: false };
        let keys = PrivateKeys::default();
        let lines = Lines { line, kept: Arc::clone(&kept), masker, keys, sought, change };
        tokio::spawn(lines.read(reader));
        Self { kept, state }
    }

    /// Waits until a line has matched; for ever where none does.
    pub(crate) async fn matched(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| state.matched).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until all is read that a process left when it ended, and no longer than a moment.
    pub(crate) async fn finish(&self) {
        let mut state = self.state.clone();
        let _ = tokio::time::timeout(AFTERMATH, state.wait_for(|state| state.ended)).await;
    }

    /// The newest lines, newest last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message with the last words of the program under it.
    pub(crate) fn under(&self, message: &str) -> String {
        let mut lines = self.lines();
        let begun = self.lock().begun.clone();
        let heading = match (lines.is_empty(), begun.is_empty()) {
            (true, true) => return format!("{message}\nit wrote nothing"),
            (true, false) => "it wrote a line that does not end, and begins with:",
            _ => "its output ended with:",
        };
        lines.extend((!begun.is_empty()).then_some(begun));
        let mut text = format!("{message}\n{heading}");
        for line in lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)) {
            let _ = write!(text, "\n  {line}");
        }
        text
    }
}

/// A line as far as it was read.
struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

/// Cuts an output into lines and keeps the newest.
struct Lines {
    line: Line,
    kept: Arc<Mutex<Kept>>,
    masker: Arc<Masker>,
    keys: PrivateKeys,
    sought: Option<Regex>,
    change: watch::Sender<State>,
}

impl Lines {
    async fn read(mut self, mut reader: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            self.take(&buffer[..length]);
            // Whoever writes without end must not keep others from their turn.
            tokio::task::yield_now().await;
        }
        self.end_line();
        self.note_begun();
        self.change.send_modify(|state| state.ended = true);
    }

    fn take(&mut self, bytes: &[u8]) {
        let before = self.line.bytes.len();
        let mut is_another = false;
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let content = part.strip_suffix(b"\n").unwrap_or(part);
            let room = LINE.saturating_sub(self.line.bytes.len());
            self.line.bytes.extend_from_slice(&content[..content.len().min(room)]);
            self.line.cut |= content.len() > room;
            if part.len() > content.len() {
                self.end_line();
                is_another = true;
            }
        }
        // Of a line that goes on for ever nothing new is kept.
        if is_another || self.line.bytes.len() != before {
            self.note_begun();
        }
        // What has no end of line yet, a prompt perhaps, may be what is looked for.
        self.look();
    }

    fn end_line(&mut self) {
        self.look();
        let line = std::mem::replace(&mut self.line, Line { bytes: Vec::new(), cut: false });
        let text = shown(&line, &mut self.keys, &self.masker);
        if text.is_empty() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines.len() == LINES {
            kept.lines.pop_front();
        }
        kept.lines.push_back(text);
    }

    /// Keeps what there is of a line, as of one that is cut: its end may be the beginning of a secret.
    fn note_begun(&self) {
        let begun = match self.line.bytes.trim_ascii_end() {
            [] => String::new(),
            bytes => {
                let line = Line { bytes: bytes.to_vec(), cut: true };
                shown(&line, &mut self.keys.clone(), &self.masker)
            }
        };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).begun = begun;
    }

    fn look(&mut self) {
        let Some(sought) = &self.sought else { return };
        if sought.is_match(String::from_utf8_lossy(&self.line.bytes).trim_end_matches('\r')) {
            self.sought = None;
            self.change.send_modify(|state| state.matched = true);
        }
    }
}

fn shown(line: &Line, keys: &mut PrivateKeys, masker: &Masker) -> String {
    let text = keys.left_out(&readable(line.bytes.trim_ascii_end()), line.cut);
    // A cut line may end with the beginning of a secret.
    let clean = if line.cut { masker.cut_text(&text) + "…" } else { masker.text(&text) };
    clean.chars().fold(String::new(), |mut shown, c| {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
        shown
    })
}

/// Text with each byte that is none written as `\xNN`.
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::diagnostic::Source;
    use crate::lab::Lab;

    const LAB: &str = "hosts: {a: {addresses: [10.0.0.1/24], runs: {program: x, ready: {port: 1}, \
                       secrets: {PASSWORD: correct-horse}}}}";

    async fn read(written: impl Into<Vec<u8>>, sought: Option<&str>) -> Output {
        let lab = Lab::parse(&Source::new("lab", LAB.to_owned())).unwrap();
        let masker = Arc::new(Masker::of(&lab, []));
        let output = Output::read(Cursor::new(written.into()), masker, sought);
        output.state.clone().wait_for(|state| state.ended).await.unwrap();
        output
    }

    #[tokio::test]
    async fn lines_are_masked_and_garbage_is_escaped() {
        let output = read(*b"pass correct-horse\n\n\x1b[2J\xff\x00 \xc3\xa9\r\nlast", None).await;
        let expected = ["pass ****", "\\u{1b}[2J\\xff\\u{0} é", "last"];
        assert_eq!(output.lines(), expected);
    }

    #[tokio::test]
    async fn private_keys_are_left_out_whatever_length_their_lines_have() {
        let key = format!("{}\n{}\n", "M".repeat(64), "I".repeat(2 * LINE));
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        let output = read(format!("{begin}\n{key}{end}\nserving\n"), None).await;
        assert_eq!(output.lines(), [&format!("{begin}****"), "…", end, "serving"]);
    }

    #[tokio::test]
    async fn the_newest_lines_are_kept_and_long_ones_are_cut() {
        let lines: Vec<String> = (0..500).map(|number| format!("line {number}\n")).collect();
        let written = lines.concat() + &("x".repeat(LINE - 9) + "correct-horse battery\n");
        let lines = read(written, None).await.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (LINES, "line 401"));
        let last = &lines[LINES - 1];
        assert!(last.ends_with("xx****…"), "{last}");
    }

    #[tokio::test]
    async fn what_is_sought_is_found_in_any_line_even_an_unfinished_one() {
        for written in
            ["a\nserving on 1\nb\n".to_owned() + &"c\n".repeat(1000), "serving on 1".into()]
        {
            read(written, Some("^serving on \\d+$")).await.matched().await;
        }
    }

    #[tokio::test]
    async fn an_output_without_end_is_not_waited_for_and_takes_no_memory() {
        let lab = Arc::new(Masker::of(&Lab::default(), []));
        let output = Output::read(tokio::io::repeat(b'x'), lab, None);
        output.finish().await;
        assert_eq!(output.lines(), Vec::<String>::new());
        let told = output.under("not ready");
        let begin = "not ready\nit wrote a line that does not end, and begins with:\n  xxx";
        assert!(told.starts_with(begin) && told.ends_with("x…"), "{told}");
        assert!(told.len() < begin.len() + LINE + 10, "{}", told.len());
    }

    #[tokio::test]
    async fn what_a_line_begins_with_gives_no_secret_away() {
        let lab = Lab::parse(&Source::new("lab", LAB.to_owned())).unwrap();
        let (reader, mut writer) = tokio::io::duplex(1024);
        let output = Output::read(reader, Arc::new(Masker::of(&lab, [])), Some("-ho$"));
        writer.write_all(b"serving\npassword is correct-ho").await.unwrap();
        output.matched().await;
        assert_eq!(
            output.under("not ready"),
            "not ready\nits output ended with:\n  serving\n  password is ****…"
        );
    }
}
