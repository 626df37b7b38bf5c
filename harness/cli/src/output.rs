//! Data to stdout, talk to stderr; a reader that went away is no reason to complain.

mod queue;

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::queue::Queue;
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

/// What [`say_soon`] has yet to write.
static SOON: OnceLock<Arc<Queue>> = OnceLock::new();

/// Hands in a line of data; a reader that has stopped reading keeps nobody waiting, and misses lines.
pub(super) fn say_soon(line: &str) {
    SOON.get_or_init(|| Queue::new(say)).push(line);
}

/// Writes a line of talk; where stderr is gone there is nobody left to tell.
pub(super) fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
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

/// Writes what is left of the data; false if some was lost on its way to its reader, which is said.
pub(super) fn flush() -> bool {
    if let Some(soon) = SOON.get() {
        soon.flush(PATIENCE);
    }
    if let Some(reason) = FAILED.get() {
        warn(&format!("error: cannot write to stdout: {reason}"));
    }
    FAILED.get().is_none()
}
