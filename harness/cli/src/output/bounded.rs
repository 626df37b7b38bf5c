//! Writing to an output whose reader may read nothing. Without a signal this waits for the reader; after a signal to stop, it gives up soon.

use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

/// How long one look at an output waits for its reader, in milliseconds.
const LOOK: u16 = 100;

/// How many looks an output gets after a signal to stop: two seconds.
const LOOKS_AFTER_SIGNAL: u32 = 20;

/// The length that a pipe takes without waiting if poll(2) says that it can be written: `PIPE_BUF` of pipe(7).
const PIECE: usize = 4096;

/// True after the first signal to stop.
static IS_STOPPING: AtomicBool = AtomicBool::new(false);

/// The outputs of this process.
static STDOUT: Output = Output::new();
static STDERR: Output = Output::new();

/// Why stdout could not be written, unless its reader closed it.
static FAILED: OnceLock<String> = OnceLock::new();

/// Writes a line to stdout; returns false if that was given up after a signal.
pub(super) fn write_stdout(line: &str) -> bool {
    let written = STDOUT.write(io::stdout().lock(), &format!("{line}\n"));
    written.unwrap_or_else(|error| {
        if error.kind() != ErrorKind::BrokenPipe {
            let _ = FAILED.set(error.to_string());
        }
        true
    })
}

/// The same for stderr, whose errors are ignored.
pub(super) fn write_stderr(line: &str) -> bool {
    STDERR.write(io::stderr().lock(), &format!("{line}\n")).unwrap_or(true)
}

/// Why stdout could not be written, if that failed.
pub(super) fn failure() -> Option<&'static str> {
    FAILED.get().map(String::as_str)
}

/// Notes that a signal to stop came.
pub(crate) fn stop() {
    IS_STOPPING.store(true, Ordering::Relaxed);
}

/// An output of this process.
struct Output {
    /// True after a write was given up; nothing is written any more then, because a line would go on in the middle of another.
    is_given_up: AtomicBool,
}

impl Output {
    const fn new() -> Self {
        Self { is_given_up: AtomicBool::new(false) }
    }

    /// Writes and flushes the text; returns false if that was given up.
    fn write(&self, mut to: impl Write + AsFd, text: &str) -> io::Result<bool> {
        for piece in text.as_bytes().chunks(PIECE) {
            if self.is_given_up.load(Ordering::Relaxed) || !takes_more(to.as_fd()) {
                self.is_given_up.store(true, Ordering::Relaxed);
                return Ok(false);
            }
            to.write_all(piece)?;
            to.flush()?;
        }
        Ok(true)
    }
}

/// Waits until an output takes more, or is closed or broken; false if it does not, and a signal to stop came.
fn takes_more(output: BorrowedFd<'_>) -> bool {
    let mut looks_left = LOOKS_AFTER_SIGNAL;
    loop {
        let mut polled = [PollFd::new(output, PollFlags::POLLOUT)];
        match poll(&mut polled, LOOK) {
            Ok(0) | Err(Errno::EINTR) => {}
            _ => return true,
        }
        if IS_STOPPING.load(Ordering::Relaxed) {
            let Some(fewer) = looks_left.checked_sub(1) else { return false };
            looks_left = fewer;
        }
    }
}
