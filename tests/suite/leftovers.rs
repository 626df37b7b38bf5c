//! Ctrl-C ends a run at once and leaves nothing behind.
#![cfg(unix)]

use std::collections::HashSet;
use std::fs;

use super::sceplab::{Running, command};
use crate::support::samples::ENROLS;

const PASSES: &str = "title: Passes
lab: {devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}, hosts: {gateway: {addresses: [10.0.0.1/24]}}}
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - ping: {address: 10.0.0.1}
";

/// A scenario that tries for longer than a test does; its request is never approved.
fn waits() -> String {
    ENROLS.replace("port: 8080}", "port: 8080, approval: manual}").replace("60s", "24h")
}

#[test]
fn ctrl_c_ends_a_waiting_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a-passes.yaml"), PASSES).unwrap();
    fs::write(folder.path().join("b-waits.yaml"), waits()).unwrap();
    let mut run =
        Running::start(command(folder.path(), &["run", ".", "--report", "json=report.json"]));
    // After one scenario has finished, the run handles Ctrl-C. The other one would wait longer than `wait` below does.
    run.stdout_line(|line| line.starts_with("pass  a-passes").then_some(()));
    run.signal("INT");
    let status = run.wait();
    assert_eq!(status.code(), Some(130));
    let (stdout, stderr) = (run.rest_of_stdout(), run.rest_of_stderr());
    assert!(stdout.contains("1 passed") && stdout.contains("interrupted"), "{stdout}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a-passes.yaml", "b-waits.yaml", "report.json"]);
}

#[cfg(target_os = "linux")]
#[test]
fn virtual_run_starts_no_process_and_opens_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a-passes.yaml"), PASSES).unwrap();
    fs::write(folder.path().join("b-waits.yaml"), waits()).unwrap();
    let mut run = Running::start(command(folder.path(), &["run", "."]));
    run.stdout_line(|line| line.starts_with("pass  a-passes").then_some(()));
    let tasks = format!("/proc/{}/task", run.id());
    for task in fs::read_dir(tasks).unwrap() {
        let children = task.unwrap().path().join("children");
        // Some kernels do not have this file.
        assert_eq!(fs::read_to_string(children).unwrap_or_default(), "");
    }
    let sockets = fs::read_dir(format!("/proc/{}/fd", run.id())).unwrap();
    let sockets = sockets.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let sockets: HashSet<_> =
        sockets.filter(|target| target.to_string_lossy().starts_with("socket:")).collect();
    // tokio has a pair of sockets for signals; the virtual lab opens none.
    assert!(sockets.len() <= 2, "{sockets:?}");
    run.signal("INT");
    assert_eq!(run.wait().code(), Some(130));
}
