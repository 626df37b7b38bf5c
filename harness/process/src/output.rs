//! Output that is read in the background.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redact::Masker;
use regex::RegexBuilder;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::sync::watch;

use crate::child::Stream;
use crate::lines::Tail;

/// Number of lines kept.
const LINES: usize = 100;

/// Time limit for reading the output of a process that has ended, because other processes may still hold the pipe.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// Output that is read completely, however long it is; its newest lines are kept.
#[derive(Debug, Clone)]
pub struct Output {
    tail: Arc<Mutex<Tail>>,
    state: watch::Receiver<State>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    matched: bool,
    ended: bool,
}

impl Output {
    /// Reads in the background, and searches for a line that matches.
    pub fn read(
        reader: impl AsyncRead + Send + Unpin + 'static,
        masker: &Arc<Masker>,
        pattern: Option<&str>,
    ) -> Self {
        // Wrong expressions were rejected before.
        let pattern = pattern.and_then(|it| RegexBuilder::new(it).multi_line(true).build().ok());
        let mut tail = Tail::new(masker, LINES);
        tail.search_for(pattern);
        let tail = Arc::new(Mutex::new(tail));
        let (change, state) = watch::channel(State::default());
        tokio::spawn(read(reader, Arc::clone(&tail), change));
        Self { tail, state }
    }

    /// Reads the output in the background and masks nothing. The output must not contain secrets.
    pub fn of(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::read(reader, &Arc::default(), None)
    }

    /// Reads a child's standard error in the background, if it is a pipe.
    pub fn of_errors(child: &mut Child) -> Self {
        match child.stderr.take() {
            Some(errors) => Self::of(errors),
            None => Self::of(tokio::io::empty()),
        }
    }

    /// Waits until a line has matched; never returns if none does.
    pub async fn matched(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| state.matched).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits a moment for the rest of the output of a process that has ended.
    pub async fn finish(&self) {
        let mut state = self.state.clone();
        let _ = tokio::time::timeout(DRAIN_LIMIT, state.wait_for(|state| state.ended)).await;
    }

    /// The newest lines, newest last.
    pub fn lines(&self) -> Vec<String> {
        self.tail.lock().lines()
    }

    /// A message, and the newest lines below it.
    pub fn under(&self, message: &str) -> String {
        self.tail.lock().under(message)
    }

    /// A message, and the newest lines of a process that has ended, in a single line.
    pub async fn beside(&self, message: &str) -> String {
        self.finish().await;
        self.tail.lock().beside(message)
    }

    /// The end of a process and its newest lines, in a single line.
    pub async fn describe_end(&self, status: Option<ExitStatus>) -> String {
        let how = status.map_or_else(|| "ended".to_owned(), |status| format!("ended ({status})"));
        self.beside(&how).await
    }
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    tail: Arc<Mutex<Tail>>,
    change: watch::Sender<State>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        let has_found = {
            let mut tail = tail.lock();
            tail.push(Stream::Out, &buffer[..length]);
            tail.has_found()
        };
        change.send_if_modified(|state| has_found && !std::mem::replace(&mut state.matched, true));
        // Lets other tasks run while output is endless.
        tokio::task::yield_now().await;
    }
    tail.lock().finish();
    change.send_modify(|state| state.ended = true);
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use redact::Secret;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::lines::LINE_LIMIT;

    fn masker() -> Arc<Masker> {
        Arc::new(Masker::new([Secret::new("correct-horse")]))
    }

    async fn read(written: impl Into<Vec<u8>>, pattern: Option<&str>) -> Output {
        let output = Output::read(Cursor::new(written.into()), &masker(), pattern);
        output.state.clone().wait_for(|state| state.ended).await.unwrap();
        output
    }

    #[tokio::test]
    async fn the_newest_lines_are_kept_and_long_ones_are_cut() {
        let lines: Vec<String> = (0..500).map(|number| format!("line {number}\n")).collect();
        let written = lines.concat() + &("x".repeat(LINE_LIMIT - 9) + "correct-horse battery\n");
        let lines = read(written, None).await.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (LINES, "line 401"));
        let last = &lines[LINES - 1];
        assert!(last.ends_with("xx****…"), "{last}");
    }

    #[tokio::test]
    async fn incomplete_lines_are_searched_too() {
        for written in
            ["a\nserving on 1\nb\n".to_owned() + &"c\n".repeat(1000), "serving on 1".into()]
        {
            read(written, Some("^serving on \\d+$")).await.matched().await;
        }
    }

    #[tokio::test]
    async fn endless_output_is_neither_awaited_nor_kept() {
        let output = Output::read(tokio::io::repeat(b'x'), &masker(), None);
        output.finish().await;
        assert_eq!(output.lines(), Vec::<String>::new());
        let shown = output.under("not ready");
        let begin = "not ready\nit wrote a line that does not end, and begins with:\n  xxx";
        assert!(shown.starts_with(begin) && shown.ends_with("x…"), "{shown}");
        assert!(shown.len() < begin.len() + LINE_LIMIT + 10, "{}", shown.len());
        let shown = output.describe_end(None).await;
        assert!(shown.starts_with("ended; last output: xxx"), "{shown}");
        assert!(shown.len() < LINE_LIMIT + 100, "{}", shown.len());
    }

    #[tokio::test]
    async fn incomplete_lines_do_not_show_secrets() {
        let (reader, mut writer) = tokio::io::duplex(1024);
        let output = Output::read(reader, &masker(), Some("-ho$"));
        writer.write_all(b"serving\npassword is correct-ho").await.unwrap();
        output.matched().await;
        assert_eq!(
            output.under("not ready"),
            "not ready\nits output ended with:\n  serving\n  password is ****…"
        );
    }

    #[tokio::test]
    async fn the_end_is_described_in_a_single_line() {
        let output = read("x\none\x1b[2J\n\n two\n", None).await;
        assert_eq!(output.describe_end(None).await, "ended; last output: x | one\\u{1b}[2J | two");
    }
}
