//! An output that is read in the background.

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

/// How many lines are kept.
const LINES: usize = 100;

/// How long the output of a process that has ended is read on; others may hold its other end.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// An output that is read on, however much it is, until it ends; its newest lines are kept.
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
    /// Reads in the background, and looks for a line that matches.
    pub fn read(
        reader: impl AsyncRead + Send + Unpin + 'static,
        masker: &Arc<Masker>,
        sought: Option<&str>,
    ) -> Self {
        // What is no expression was refused before.
        let sought = sought.and_then(|it| RegexBuilder::new(it).multi_line(true).build().ok());
        let mut tail = Tail::new(masker, LINES);
        tail.seek(sought);
        let tail = Arc::new(Mutex::new(tail));
        let (change, state) = watch::channel(State::default());
        tokio::spawn(read(reader, Arc::clone(&tail), change));
        Self { tail, state }
    }

    /// Reads what has no secrets in the background.
    pub fn of(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::read(reader, &Arc::default(), None)
    }

    /// Reads what a child writes to its standard error in the background, if that is a pipe.
    pub fn of_errors(child: &mut Child) -> Self {
        match child.stderr.take() {
            Some(errors) => Self::of(errors),
            None => Self::of(tokio::io::empty()),
        }
    }

    /// Waits until a line has matched; for ever if none does.
    pub async fn matched(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| state.matched).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until all is read that a process left when it ended, and no longer than a moment.
    pub async fn finish(&self) {
        let mut state = self.state.clone();
        let _ = tokio::time::timeout(DRAIN_LIMIT, state.wait_for(|state| state.ended)).await;
    }

    /// The newest lines, newest last.
    pub fn lines(&self) -> Vec<String> {
        self.tail.lock().lines().map(str::to_owned).collect()
    }

    /// A message with the newest lines of the program under it.
    pub fn under(&self, message: &str) -> String {
        self.tail.lock().under(message)
    }

    /// A message with the newest lines of a program that has ended beside it.
    pub async fn beside(&self, message: &str) -> String {
        self.finish().await;
        self.tail.lock().beside(message)
    }

    /// How a process ended, and its newest lines, in one line.
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
        // An output without end must not keep others from their turn.
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

    async fn read(written: impl Into<Vec<u8>>, sought: Option<&str>) -> Output {
        let output = Output::read(Cursor::new(written.into()), &masker(), sought);
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
    async fn what_is_sought_is_found_in_any_line_even_an_unfinished_one() {
        for written in
            ["a\nserving on 1\nb\n".to_owned() + &"c\n".repeat(1000), "serving on 1".into()]
        {
            read(written, Some("^serving on \\d+$")).await.matched().await;
        }
    }

    #[tokio::test]
    async fn an_output_without_end_is_not_waited_for_and_takes_no_memory() {
        let output = Output::read(tokio::io::repeat(b'x'), &masker(), None);
        output.finish().await;
        assert_eq!(output.lines(), Vec::<String>::new());
        let told = output.under("not ready");
        let begin = "not ready\nit wrote a line that does not end, and begins with:\n  xxx";
        assert!(told.starts_with(begin) && told.ends_with("x…"), "{told}");
        assert!(told.len() < begin.len() + LINE_LIMIT + 10, "{}", told.len());
        let told = output.describe_end(None).await;
        assert!(told.starts_with("ended; its last words: xxx"), "{told}");
        assert!(told.len() < LINE_LIMIT + 100, "{}", told.len());
    }

    #[tokio::test]
    async fn what_a_line_begins_with_gives_no_secret_away() {
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
    async fn the_newest_words_are_kept_on_one_line() {
        let output = read("x\none\x1b[2J\n\n two\n", None).await;
        assert_eq!(
            output.describe_end(None).await,
            "ended; its last words: x | one\\u{1b}[2J | two"
        );
    }
}
