//! The guard itself, and the parent of the program between the two.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread;

use nix::sys::prctl::set_child_subreaper;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::descendants::end_descendants;
use super::leftovers::{VARIABLE, own_name};
use super::{REPORT_LENGTH, Report};

/// Is the guard: starts the program's parent, passes on its reports to standard input, which is a socket, and ends everything when
/// the other end is closed or the parent has gone. `parent` is this program with the arguments that make it [`run_parent`].
///
/// # Errors
/// If standard input is no socket, the other end is gone, or the parent cannot be started.
pub fn run(
    (sceplab, parent): (&Path, &[&str]),
    program: &OsString,
    arguments: &[OsString],
) -> io::Result<ExitCode> {
    let mut control = control()?;
    let (mut reports, far) = UnixStream::pair()?;
    let mut command = Command::new(sceplab);
    command.arg0("sceplab").args(parent).arg(program).args(arguments);
    if let Some(name) = own_name() {
        command.env(VARIABLE, name);
    }
    let mut child = command.stdin(OwnedFd::from(far)).process_group(0).spawn()?;
    // It would keep the other end open.
    drop(command);
    close_outputs()?;
    let watched = control.try_clone()?;
    thread::Builder::new().spawn(move || end_with(watched))?;
    let mut last = None;
    let mut report = [0; REPORT_LENGTH];
    while reports.read_exact(&mut report).is_ok() {
        last = Report::decode(report);
        if last == Some(Report::Started) {
            control.write_all(&report)?;
        }
    }
    // If the other end is closed at this moment, the thread that ends everything may have the status.
    let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(0));
    end_descendants();
    let end = last.filter(|report| *report != Report::Started);
    control.write_all(&end.unwrap_or(Report::Lost(status)).encode())?;
    Ok(ExitCode::SUCCESS)
}

/// Is the parent: runs the program, reports on standard input, which is a socket, and ends everything when the other end is closed.
///
/// # Errors
/// If standard input is no socket, or the other end is gone.
pub fn run_parent(program: &OsString, arguments: &[OsString]) -> io::Result<ExitCode> {
    let mut control = control()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let number = error.raw_os_error().unwrap_or_default();
            control.write_all(&Report::Refused(number).encode())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    close_outputs()?;
    control.write_all(&Report::Started.encode())?;
    let watched = control.try_clone()?;
    thread::Builder::new().spawn(move || end_with(watched))?;
    let status = child.wait()?;
    end_descendants();
    control.write_all(&Report::Ended(status).encode())?;
    Ok(ExitCode::SUCCESS)
}

/// The socket that is standard input. From now on, this process gets the descendants that have lost their parents.
fn control() -> io::Result<UnixStream> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Anything else on standard input has no peer.
    control.peer_addr()?;
    set_child_subreaper(true)?;
    Ok(control)
}

/// Closes the outputs, which the program has now, so that they end with it.
fn close_outputs() -> io::Result<()> {
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

/// Waits until the other end is closed, then ends everything and this process.
fn end_with(mut control: UnixStream) {
    let mut byte = [0];
    while control.read(&mut byte).is_ok_and(|count| count > 0) {}
    end_descendants();
    std::process::exit(0);
}
