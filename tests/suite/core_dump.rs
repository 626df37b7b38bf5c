//! The memory of the program gets into no core dump.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::sceplab::{Running, without_environment};

/// A server in a folder of its own, whose shell permits core dumps of any size.
fn serve(folder: &tempfile::TempDir) -> Running {
    let script = "ulimit -S -c $(ulimit -H -c) && exec \"$0\" serve linux --listen 127.0.0.1:0";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_sceplab")]).current_dir(folder.path());
    without_environment(&mut command);
    let mut running = Running::start(command);
    running.stdout_line(|line| line.starts_with("url").then_some(()));
    running
}

#[test]
fn aborted_server_leaves_no_core_dump() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = serve(&folder);
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let soft: u64 = core.split_whitespace().nth(4).unwrap().parse().expect("a limit");
    assert!(soft <= 1, "{core}");
    running.signal("ABRT");
    let status = running.wait();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false), "{status:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
