//! Data to stdout, talk and questions to stderr; a reader that went away is no reason to complain.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use diagnostics::{Diagnostic, Palette, render};

/// Why stdout could not be written, where that is the program's concern.
static FAILED: OnceLock<String> = OnceLock::new();

/// Writes a line of data.
pub(super) fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(line.as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    if let Err(error) = written.and_then(|()| stdout.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = FAILED.set(error.to_string());
    }
}

/// How long the end of the program waits for a reader of stdout.
const PATIENCE: Duration = Duration::from_secs(1);

/// What [`say_soon`] has yet to write; nothing once that was waited for.
static SOON: Mutex<Option<Queue>> = Mutex::new(None);

/// Hands in a line of data; a reader that has stopped reading keeps nobody waiting, and misses lines.
pub(super) fn say_soon(line: &str) {
    SOON.lock().get_or_insert_with(|| Queue::new(say)).push(line);
}

/// Writes a line of talk; where stderr is gone there is nobody left to tell.
pub(super) fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says what is wrong where no file is at fault.
pub(super) fn complain(message: &str) {
    diagnostics(&[Diagnostic::general(message)]);
}

/// Shows diagnostics, an empty line between two, and how many there are.
pub(super) fn diagnostics(diagnostics: &[Diagnostic]) {
    let palette = Palette::of(&io::stderr());
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            warn("");
        }
        warn(&render("error", diagnostic, palette));
    }
    if diagnostics.len() > 1 {
        warn(&format!("\n{} errors", diagnostics.len()));
    }
}

/// Whether there is a terminal to ask at.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and waits for the answer; whoever says nothing has not agreed.
pub(super) fn agreed(question: &str) -> bool {
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    drop(stderr);
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().read_line(&mut answer));
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Writes what is left of the data; false if some was lost on its way to its reader, which is said.
pub(super) fn flush() -> bool {
    if let Some(soon) = SOON.lock().take() {
        soon.finish(PATIENCE);
    }
    if let Some(reason) = FAILED.get() {
        warn(&format!("error: cannot write to stdout: {reason}"));
    }
    FAILED.get().is_none()
}

/// How many lines may wait; a reader that is further behind misses some.
const WAITING_LIMIT: usize = 4096;

/// A bounded queue of lines with a thread of its own, which alone waits for the reader.
struct Queue {
    waiting: SyncSender<String>,
    /// How many lines found no room since the last one that did.
    missed: Arc<AtomicUsize>,
    /// Hangs up when the thread ends.
    written: Receiver<()>,
}

impl Queue {
    /// A queue whose lines are given to `write`, one by one.
    fn new(write: impl Fn(&str) + Send + 'static) -> Self {
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

    /// Adds a line, or counts it where there is no room.
    fn push(&self, line: &str) {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > 0 && self.waiting.try_send(not_read(missed)).is_ok() {
            self.missed.store(0, Ordering::Relaxed);
        }
        if self.waiting.try_send(line.to_owned()).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all is written, but no longer than that.
    fn finish(self, longest: Duration) {
        drop(self.waiting);
        let _ = self.written.recv_timeout(longest);
    }
}

fn not_read(missed: usize) -> String {
    format!("[{missed} lines were not read in time]")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_reader_that_stops_keeps_nobody_waiting_and_learns_what_it_missed() {
        let (go_on, gate) = channel::<()>();
        let (taking, taken) = channel();
        let (sender, written) = channel();
        let queue = Queue::new(move |line| {
            let _ = taking.send(());
            let _ = gate.recv();
            let _ = sender.send(line.to_owned());
        });
        queue.push("0");
        // From here on the reader holds one line and takes no other, so that only the first ones find room.
        taken.recv().expect("the first line is taken");
        for number in 1..2 * WAITING_LIMIT {
            queue.push(&number.to_string());
        }
        queue.finish(Duration::from_millis(10));
        drop(go_on);
        let lines: Vec<String> = written.iter().collect();
        // Beside those that wait: the one that is being written, and the one that tells of the others.
        assert!(lines.len() <= WAITING_LIMIT + 2, "{}", lines.len());
        let kept = lines.len() - 1;
        assert!(lines[..kept].iter().enumerate().all(|(index, line)| *line == index.to_string()));
        let missed = 2 * WAITING_LIMIT - kept;
        assert_eq!(lines[kept], format!("[{missed} lines were not read in time]"));
    }
}
