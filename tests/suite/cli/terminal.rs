//! Pipes: no colour without a terminal, no error for a closed pipe.
#![cfg(unix)]

use std::process::Stdio;

use super::samples;
use crate::suite::sceplab::{command, run, run_in, workspace};

#[test]
fn output_without_a_terminal_has_no_colour() {
    let samples = samples();
    for arguments in
        [&["run", "--tag", "network"][..], &["run", "--oops"], &["check", "nowhere"], &["--help"]]
    {
        let ended = run_in(samples.path(), arguments);
        assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'), "{ended:?}");
    }
}

#[test]
fn closed_stdout_is_no_error() {
    let samples = samples();
    for arguments in
        [&["list"][..], &["run", "-v", "--tag", "network"], &["--help"], &["completions", "zsh"]]
    {
        let mut command = command(samples.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked") && !stderr.contains("internal"), "{stderr}");
        assert!(matches!(output.status.code(), Some(0 | 4)), "{arguments:?} {}", output.status);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_reported() {
    let mut command = command(workspace(), &["list"]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("cannot write to stdout"), "{stderr}");
}

#[test]
fn data_goes_to_stdout_and_messages_to_stderr() {
    let listed = run(&["list"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    assert!(listed.stdout.lines().any(|line| line.starts_with("scep/linux-pki ")));
    let refused = run(&["list", "nowhere"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
}
