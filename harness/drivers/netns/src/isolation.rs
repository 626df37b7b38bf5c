//! The first process of a lab: it enters new namespaces and starts the lab process in them.

use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, raise};
use nix::unistd::{getegid, geteuid};

use super::permission::{Refused, Settings};
use process::messages::encode;
use simulated::control::LabEvent;
use testbed::{DriverName, TestbedError};

/// Creates the namespaces, starts `lab-process inner` in them, waits for its end, and ends with the same status. The calling
/// process must have one thread. Errors are reported on the control channel.
///
/// # Errors
/// If there is no control channel, or its other end is closed.
pub fn isolate() -> io::Result<ExitCode> {
    let mut control = control_channel()?;
    let settings = Settings::of_this_process();
    let entered = enter_namespaces()
        .map_err(|(refused, errno)| not_permitted(settings.explain(refused, errno)));
    let inner = entered.and_then(|()| {
        start_inner().map_err(|error| TestbedError::Network {
            reason: format!("the lab process cannot be started: {error}"),
        })
    });
    match inner {
        Ok(inner) => {
            send(&mut control, &LabEvent::Isolated(inner.id()))?;
            drop(control);
            wait(inner)
        }
        Err(error) => {
            send(&mut control, &LabEvent::Refused(error))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn send(control: &mut UnixStream, event: &LabEvent) -> io::Result<()> {
    control.write_all(&encode(event).unwrap_or_default())
}

/// The runner's socket, which is standard input.
pub(super) fn control_channel() -> io::Result<UnixStream> {
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Anything else on standard input has no peer.
    channel.peer_addr()?;
    Ok(channel)
}

/// The error of a driver without a necessary permission.
pub(super) fn not_permitted(reason: String) -> TestbedError {
    TestbedError::NotPermitted { driver: DriverName::Netns, reason }
}

fn enter_namespaces() -> Result<(), (Refused, Errno)> {
    let (user, group) = (geteuid(), getegid());
    match unshare(CloneFlags::CLONE_NEWUSER) {
        Ok(()) => map(user.as_raw(), group.as_raw()).map_err(|error| {
            (Refused::Maps, error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
        })?,
        // Root needs no user namespace if it may create the others without one.
        Err(errno) if !user.is_root() => return Err((Refused::User, errno)),
        Err(errno) => {
            return unshare(others()).map_err(|_| (Refused::User, errno));
        }
    }
    unshare(others()).map_err(|errno| (Refused::Rest, errno))
}

fn others() -> CloneFlags {
    CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET
}

/// Maps the caller to root in the lab; no other user has an identity there.
fn map(user: u32, group: u32) -> io::Result<()> {
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

fn start_inner() -> io::Result<std::process::Child> {
    Command::new(std::env::current_exe()?)
        .args(["lab-process", "inner"])
        .stdin(Stdio::inherit())
        .spawn()
}

/// Waits for the lab process and ends in the same way, because the runner sees only the end of this process.
fn wait(mut inner: std::process::Child) -> io::Result<ExitCode> {
    // Closes this process's end of the channel, so that the runner notices the end of the lab process at once.
    let null: OwnedFd = fs::File::open("/dev/null")?.into();
    let _ = nix::unistd::dup2_stdin(null.as_fd());
    let status = inner.wait()?;
    if let Some(signal) = status.signal() {
        raise(Signal::try_from(signal)?)?;
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
