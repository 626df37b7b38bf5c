//! Results on stdout, messages and questions on stderr. A closed pipe is not an error.

mod bounded;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use diagnostics::{Diagnostic, Palette, counted, render, searched};
use redact::{Masker, Secret, printable};

pub(super) use self::bounded::stop;
use self::bounded::{failure, write_stderr, write_stdout};

/// True if results were left out because a signal came and nobody read them.
static IS_CUT: AtomicBool = AtomicBool::new(false);

/// Masks the secrets of the command in every line of output, besides the maskers where the lines are made.
static HIDDEN: Mutex<Option<Masker>> = Mutex::new(None);

/// Masks more secrets from now on.
pub(super) fn hide<'a>(secrets: impl IntoIterator<Item = &'a Secret>) {
    let mut hidden = HIDDEN.lock();
    let masker = hidden.take().unwrap_or_default();
    *hidden = Some(masker.with(secrets.into_iter().cloned()));
}

/// The same for secrets of files with mistakes. If they are too many to be searched for, nothing of those files is shown, and the first
/// ones are masked elsewhere.
pub(super) fn hide_of_files(secrets: &[Secret]) {
    hide(searched(secrets));
}

/// A text of a peer without secrets.
pub(super) fn masked(text: &str) -> String {
    HIDDEN.lock().clone().unwrap_or_default().text(text)
}

/// Lines of output without secrets, and without characters that act on a terminal, but for colours.
pub(super) fn shown(lines: &str) -> String {
    let masker = HIDDEN.lock().clone().unwrap_or_default();
    printable(&masker.output(lines))
}

/// True if a report goes to stdout, so that all other results go to stderr.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Keeps stdout for a report: from now on, lines of results go to stderr.
pub(super) fn keep_stdout_for_report() {
    IS_TAKEN.store(true, Ordering::Relaxed);
}

/// Writes a line of results.
pub(super) fn say(line: &str) {
    note_cut(write_line(line));
}

/// Writes a line of results to where they go; returns false if that was given up after a signal.
fn write_line(line: &str) -> bool {
    let line = shown(line);
    if IS_TAKEN.load(Ordering::Relaxed) { write_stderr(&line) } else { write_stdout(&line) }
}

/// Writes a report to stdout; it ends with a line feed.
pub(super) fn say_report(text: &str) {
    note_cut(write_stdout(text.strip_suffix('\n').unwrap_or(text)));
}

fn note_cut(is_whole: bool) {
    IS_CUT.fetch_or(!is_whole, Ordering::Relaxed);
}

/// True if results were left out because a signal came and nobody read them.
pub(super) fn is_cut() -> bool {
    IS_CUT.load(Ordering::Relaxed)
}

/// Waits until whoever reads stdout is gone; without a reader that can go, such as that of a file, this does not end.
pub(super) async fn reader_gone() {
    let own = io::stdout().as_fd().try_clone_to_owned();
    if let Ok(stdout) = own.and_then(Sender::from_owned_fd_unchecked)
        && stdout.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Time for queued lines to be written before the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Lines of [`say_queued`] that are not written yet; `None` after [`flush`].
static QUEUE: Mutex<Option<Queue>> = Mutex::new(None);

/// Lines of [`log_queued`] that are not written yet, if they do not go to stdout.
static LOG: Mutex<Option<Queue>> = Mutex::new(None);

/// Queues a line of results, so that a slow reader delays nothing; a reader that is too slow misses lines.
pub(super) fn say_queued(line: &str) {
    // The exit code tells nothing of lines that a queue leaves out.
    let write = |line: &str| {
        write_line(line);
    };
    QUEUE.lock().get_or_insert_with(|| Queue::new(write)).push(line);
}

/// Gives the lines of [`log_queued`] to `write` instead of stdout.
pub(super) fn log_to(write: impl FnMut(&str) + Send + 'static) {
    *LOG.lock() = Some(Queue::new(write));
}

/// Queues a line of a log, which goes to stdout unless [`log_to`] was called.
pub(super) fn log_queued(line: &str) {
    match &*LOG.lock() {
        Some(queue) => queue.push(line),
        None => say_queued(line),
    }
}

/// Writes a message; errors are ignored, because there is no other place to report them.
pub(super) fn warn(line: &str) {
    write_stderr(&shown(line));
}

/// Shows an error that is not about a file.
pub(super) fn complain(message: &str) {
    diagnostics(&[Diagnostic::general(message)]);
}

/// Diagnostics without secrets in their excerpts, also without parts of secrets at the ends. The rest is masked with the line.
fn without_secrets(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let masker = HIDDEN.lock().clone().unwrap_or_default();
    let without = |one: &Diagnostic| one.clone().with_excerpt(|excerpt| excerpt.masked(&masker));
    diagnostics.iter().map(without).collect()
}

/// Shows diagnostics, an empty line between two, and their number if there are several.
pub(super) fn diagnostics(diagnostics: &[Diagnostic]) {
    let diagnostics = without_secrets(diagnostics);
    let palette = Palette::of(&io::stderr());
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            warn("");
        }
        warn(&render("error", diagnostic, palette));
    }
    if diagnostics.len() > 1 {
        warn(&format!("\n{}", counted(diagnostics.len(), "error")));
    }
}

/// Shows diagnostics that end nothing, each followed by an empty line.
pub(super) fn warnings(diagnostics: &[Diagnostic]) {
    let palette = Palette::of(&io::stderr());
    for diagnostic in &without_secrets(diagnostics) {
        warn(&format!("{}\n", render("warning", diagnostic, palette)));
    }
}

/// True if the user can be asked at a terminal.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and waits for the answer; an empty answer means no.
pub(super) fn agreed(question: &str) -> bool {
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    drop(stderr);
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().read_line(&mut answer));
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Writes the queued lines; returns false and shows an error if stdout could not be written.
pub(super) fn flush() -> bool {
    for queue in [&QUEUE, &LOG] {
        if let Some(queue) = queue.lock().take() {
            queue.finish(FLUSH_TIMEOUT);
        }
    }
    if let Some(reason) = failure() {
        warn(&format!("error: cannot write to stdout: {reason}"));
    }
    failure().is_none()
}

/// Maximum number of queued lines; further ones are dropped and counted.
const WAITING_LIMIT: usize = 4096;

/// A bounded queue of lines; only its thread waits for the reader.
struct Queue {
    waiting: SyncSender<String>,
    /// Number of lines dropped since the last line that was queued.
    missed: Arc<AtomicUsize>,
    /// Closed by the thread when it ends.
    written: Receiver<()>,
}

impl Queue {
    /// Starts a thread that gives the lines to `write`, one by one.
    fn new(mut write: impl FnMut(&str) + Send + 'static) -> Self {
        let (waiting, lines) = sync_channel::<String>(WAITING_LIMIT);
        let (ended, written) = sync_channel(0);
        let missed = Arc::<AtomicUsize>::default();
        let queue = Self { waiting, missed: Arc::clone(&missed), written };
        thread::spawn(move || {
            let _ended = ended;
            for line in &lines {
                write(&line);
            }
            match missed.load(Ordering::Relaxed) {
                0 => {}
                missed => write(&not_read(missed)),
            }
        });
        queue
    }

    /// Adds a line, or counts it if the queue is full.
    fn push(&self, line: &str) {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > 0 && self.waiting.try_send(not_read(missed)).is_ok() {
            self.missed.store(0, Ordering::Relaxed);
        }
        if self.waiting.try_send(line.to_owned()).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all lines are written, but at most `longest`.
    fn finish(self, longest: Duration) {
        drop(self.waiting);
        let _ = self.written.recv_timeout(longest);
    }
}

fn not_read(missed: usize) -> String {
    format!("[not read in time: {}]", counted(missed, "line"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn slow_reader_delays_nothing_and_gets_the_number_of_missed_lines() {
        let (go_on, gate) = channel::<()>();
        let (taking, taken) = channel();
        let (sender, written) = channel();
        let queue = Queue::new(move |line| {
            let _ = taking.send(());
            let _ = gate.recv();
            let _ = sender.send(line.to_owned());
        });
        queue.push("0");
        // From here on the reader keeps one line and takes no other, so that only the first lines fit into the queue.
        taken.recv().expect("the first line is taken");
        for number in 1..2 * WAITING_LIMIT {
            queue.push(&number.to_string());
        }
        queue.finish(Duration::from_millis(10));
        drop(go_on);
        let lines: Vec<String> = written.iter().collect();
        // Besides the queued lines: the one that is being written, and the one with the number of missed lines.
        assert!(lines.len() <= WAITING_LIMIT + 2, "{}", lines.len());
        let kept = lines.len() - 1;
        assert!(lines[..kept].iter().enumerate().all(|(index, line)| *line == index.to_string()));
        let missed = 2 * WAITING_LIMIT - kept;
        assert_eq!(lines[kept], format!("[not read in time: {missed} lines]"));
    }
}
