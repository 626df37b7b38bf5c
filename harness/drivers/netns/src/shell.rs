//! Enters a lab that stands.

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

/// Why a command is not run in a lab.
#[derive(Debug, Error)]
pub enum NotRun {
    /// The lab is gone, or not to be entered.
    #[error("cannot enter `{host}`: {error}")]
    Outside {
        /// Whom it was to visit.
        host: String,
        /// What happened.
        error: io::Error,
    },
    /// There is no such command, or it cannot be started.
    #[error("cannot run `{command}`: {error}")]
    Command {
        /// Its name.
        command: String,
        /// What happened.
        error: io::Error,
    },
}

/// Runs a command in the namespaces of a lab and of one of its hosts or devices; the calling process has one thread.
///
/// # Errors
/// When the lab is gone, or the command cannot be started.
pub fn run_in(entry: &Entry, host: &str, command: &[OsString]) -> Result<u8, NotRun> {
    let outside = |error| NotRun::Outside { host: host.to_owned(), error };
    let here = std::env::current_dir();
    enter(entry, host).map_err(outside)?;
    if let Ok(here) = here {
        // A folder that is not to be had in the lab is no reason to stay out.
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
    // Root may have had no need of one; nobody can enter where they are.
    let own = fs::read_link("/proc/self/ns/user")?;
    if fs::read_link(format!("{process}/ns/user"))? != own {
        setns(open("ns/user")?, CloneFlags::CLONE_NEWUSER)?;
    }
    for (namespace, kind) in namespaces {
        setns(namespace, kind)?;
    }
    Ok(())
}

/// Ctrl-C is the command's to handle.
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

/// As shells have it: 128 and the number of the signal.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
