//! Runs commands in a built lab.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sched::{CloneFlags, setns};
use thiserror::Error;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::registry::Entry;

/// Why a command was not run in a lab.
#[derive(Debug, Error)]
pub enum NotRun {
    /// The lab has ended, or cannot be entered.
    #[error("cannot enter `{host}`: {error}")]
    Outside {
        /// The host or device to enter.
        host: String,
        /// The error.
        error: io::Error,
    },
    /// There is no such command, or it cannot be started.
    #[error("cannot run `{command}`: {error}")]
    Command {
        /// The command.
        command: String,
        /// The error.
        error: io::Error,
    },
}

/// Runs a command in the namespaces of a lab and of one of its hosts or devices. The calling process must have one thread.
///
/// # Errors
/// If the lab has ended, or the command cannot be started.
pub fn run_in(entry: &Entry, host: &str, command: &[OsString]) -> Result<u8, NotRun> {
    let outside = |error| NotRun::Outside { host: host.to_owned(), error };
    let here = std::env::current_dir();
    enter(entry, host).map_err(outside)?;
    if let Ok(here) = here {
        // A folder that does not exist in the lab does not prevent the command.
        let _ = std::env::set_current_dir(here);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(outside)?.block_on(run(command)).map(exit_code)
}

fn enter(entry: &Entry, host: &str) -> io::Result<()> {
    let process = format!("/proc/{}", entry.process);
    let open = |name: &str| File::open(format!("{process}/{name}"));
    let descriptor = entry.namespaces.get(host).copied().unwrap_or_default();
    let network = open(&format!("fd/{descriptor}"))?;
    let namespaces = [
        (open("ns/pid")?, CloneFlags::CLONE_NEWPID),
        (network, CloneFlags::CLONE_NEWNET),
        (open("ns/mnt")?, CloneFlags::CLONE_NEWNS),
    ];
    // Root may have built the lab without a user namespace, and a process cannot enter its current one.
    let own = fs::read_link("/proc/self/ns/user")?;
    if fs::read_link(format!("{process}/ns/user"))? != own {
        setns(open("ns/user")?, CloneFlags::CLONE_NEWUSER)?;
    }
    for (namespace, kind) in namespaces {
        setns(namespace, kind)?;
    }
    Ok(())
}

/// Runs the command or the user's shell, which handles Ctrl-C itself.
async fn run(command: &[OsString]) -> Result<ExitStatus, NotRun> {
    let shell = [std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into())];
    let words = if command.is_empty() { &shell[..] } else { command };
    start(words).await.map_err(|error| {
        let command = words[0].display().to_string();
        NotRun::Command { command, error }
    })
}

async fn start(words: &[OsString]) -> io::Result<ExitStatus> {
    let _interrupt = signal(SignalKind::interrupt())?;
    let _quit = signal(SignalKind::quit())?;
    Command::new(&words[0]).args(&words[1..]).status().await
}

/// The exit status as in shells: 128 plus the number of a signal.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
