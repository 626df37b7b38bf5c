//! Devices served by `sceplab dut --serve`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use tempfile::TempDir;

use super::sceplab::{Ended, Running, command, run_in, wait_until};

/// A device that is served at the socket `dut` of a folder.
pub(crate) struct Served {
    pub(crate) folder: TempDir,
    pub(crate) running: Running,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = serve_with(folder.path(), arguments, environment);
        Self { folder, running }
    }

    pub(crate) fn says(&self, commands: &str) -> Ended {
        run_in(self.folder.path(), &["dut", "--attach", "dut", "-c", commands])
    }

    /// Permissions of its socket.
    pub(crate) fn mode(&self) -> u32 {
        fs::metadata(self.folder.path().join("dut")).unwrap().permissions().mode() & 0o777
    }
}

/// Serves a device at the socket `dut` of that folder.
pub(crate) fn serve(folder: &Path, arguments: &[&str]) -> Running {
    serve_with(folder, arguments, &[])
}

fn serve_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
    let mut command = command(folder, &[&["dut", "--serve", "dut"], arguments].concat());
    command.envs(environment.iter().copied());
    let served = Running::start(command);
    wait_until("the device is served", || UnixStream::connect(folder.join("dut")).is_ok());
    served
}

/// The error message of `dut --serve` with these arguments, which must fail.
#[track_caller]
pub(crate) fn refused_to_serve(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &[&["dut", "--serve", "dut"], arguments].concat());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    ended.stderr
}
