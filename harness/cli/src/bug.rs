//! What breaks inside is a bug of this program: it ends the process with exit code 1, and is no failure of a device or a PKI.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;

use super::exit::Exit;
use super::output::{masked, warn};
use diagnostics::{bugs, counted};

/// Notices a panic in every task, and reports it on stderr without secrets, with a backtrace if `RUST_BACKTRACE` asks for one.
pub(super) fn notice_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // The message may quote any text.
        let bug = masked(&described(panic));
        warn(&format!("error: internal error {bug}"));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            warn(&backtrace.to_string());
        }
        bugs::record(bug);
    }));
}

/// The place and the message of a panic.
fn described(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(String::new, |place| format!("at {place}: "));
    format!("{place}{}", text(panic.payload()))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message")
}

/// Runs a command. If a bug was noticed meanwhile, in whatever task, it decides the exit code, and the last words are how to report it;
/// a process of a lab leaves them to the run that it belongs to.
pub(super) fn or_exit(is_part_of_a_lab: bool, command: impl FnOnce() -> ExitCode) -> ExitCode {
    let ended = catch_unwind(AssertUnwindSafe(command));
    let noticed = bugs::noticed();
    match ended {
        Ok(exit) if noticed.is_empty() => exit,
        _ => {
            if !is_part_of_a_lab {
                report(&noticed);
            }
            Exit::Internal.into()
        }
    }
}

fn report(noticed: &[String]) {
    let count = counted(noticed.len(), "internal error");
    warn(&format!(
        "\nerror: {count} in sceplab {}: a bug in sceplab, and no failure of what it tests",
        env!("CARGO_PKG_VERSION")
    ));
    for bug in noticed {
        warn(&format!("  = {bug}"));
    }
    warn(
        "  = please report it, with these lines, the command, and its files without their secrets",
    );
}
