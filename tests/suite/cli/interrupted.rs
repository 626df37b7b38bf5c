//! Interrupted runs.
#![cfg(unix)]

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::{PING, samples};
use crate::suite::sceplab::{Running, command, wait_until};

/// Three scenarios: one ends at once, one would try for longer than the test does, one does not begin before the interrupt.
fn long_run() -> TempDir {
    let samples = samples();
    let write = |name: &str, text: &str| {
        fs::write(samples.path().join("scenarios").join(name), text).unwrap();
    };
    let check = "  - run: {command: show date, matches: [never], within: 24h}\n";
    write("under-way.yaml", &(PING.replace("quick", "long") + check));
    write("waits.yaml", &PING.replace("quick", "long"));
    write("done.yaml", &PING.replace("quick", "long"));
    samples
}

fn interrupted_by(signal: &str) -> (Option<i32>, String, String) {
    let folder = long_run();
    let arguments = ["run", "--tag", "long", "--jobs", "1", "--report", "junit=report.xml"];
    let mut run = Running::start(command(folder.path(), &arguments));
    run.stdout_line(|line| line.starts_with("pass  done").then_some(()));
    run.signal(signal);
    let code = run.wait().code();
    let report = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    (code, run.rest_of_stdout(), report)
}

#[test]
fn unfinished_scenario_is_an_error_in_the_report() {
    let (code, stdout, report) = interrupted_by("INT");
    assert_eq!(code, Some(130));
    assert!(stdout.contains("1 passed, 2 not finished, interrupted after "), "{stdout}");
    assert!(report.contains(r#"tests="3" failures="0" errors="2""#), "{report}");
    assert!(report.contains(r#"<testcase name="under-way""#), "{report}");
    assert!(report.contains("interrupted while this was under way"), "{report}");
    assert!(report.contains("interrupted before this began"), "{report}");
}

#[test]
fn sigterm_ends_a_run_with_its_reports_written() {
    let (code, stdout, report) = interrupted_by("TERM");
    assert_eq!(code, Some(130));
    assert!(stdout.contains("interrupted after "), "{stdout}");
    assert!(report.contains(r#"errors="2""#), "{report}");
}

#[test]
fn interrupted_console_exits_with_130() {
    let folder = samples();
    let mut command = command(folder.path(), &["dut"]);
    command.stdin(Stdio::piped());
    let mut console = Running::start(command);
    console.write_line("show date");
    console.stdout_line(|line| (!line.is_empty()).then_some(()));
    console.signal("INT");
    assert_eq!(console.wait().code(), Some(130));
}

#[test]
fn run_whose_output_nobody_reads_ends_after_one_signal() {
    let folder = samples();
    // More than a pipe holds.
    let checks = "  - run: {command: show date, matches: [':']}\n".repeat(1900);
    fs::write(folder.path().join("scenarios/long.yaml"), PING.to_owned() + &checks).unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&pipe);
    let reader = opened.unwrap();
    let mut run = Command::new("sh");
    run.current_dir(folder.path()).args(["-c", "exec \"$@\" > pipe", "sh"]).stdin(Stdio::null());
    run.arg(env!("CARGO_BIN_EXE_sceplab")).args(["run", "scenarios/long.yaml", "-v"]);
    let mut run = Running::start(run);
    // The first byte is of the text that has all steps.
    wait_until("there is output", || (&reader).read(&mut [0]).is_ok_and(|length| length == 1));
    run.signal("INT");
    assert_eq!(run.wait().code(), Some(130), "{}", run.rest_of_stderr());
}
