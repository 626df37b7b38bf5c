//! What breaks inside is a bug, with exit code 1, and no failure of a device, a PKI or a client. Debug builds break on request.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::sceplab::{Ended, command, finish, run_in, workspace};
use super::serve::client::get;
use crate::support::samples::ENROLS;
use crate::support::server::{LINUX, Server};

/// A step that tries for longer than a test does: a try each quarter of a second, which costs no time but its own.
const WAITS: &str = "  - run: {command: pki scep show CSR, matches: [never], within: 24h}\n";

#[track_caller]
fn assert_bug(ended: &Ended, place: &str) {
    assert_eq!(ended.code, Some(1), "{place}: {}", ended.transcript());
    for told in [
        &format!("injected in {place}"),
        "error: internal error at ",
        ".rs:",
        "a bug in sceplab, and no failure of what it tests",
        "please report it",
    ] {
        assert!(ended.stderr.contains(told), "{place}: {told}: {}", ended.transcript());
    }
}

fn broken(mut command: Command, place: &str) -> Ended {
    command.env("SCEPLAB_PANIC_IN", place);
    finish(command)
}

/// A folder with these scenarios.
fn scenarios(texts: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn report(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap()
}

#[test]
fn panic_in_a_run_is_a_bug_and_no_failed_scenario() {
    let folder = scenarios(&[("a.yaml", ENROLS)]);
    let arguments = ["run", "a.yaml", "--report", "json=report.json"];
    for place in ["step", "driver", "service", "report"] {
        let ended = broken(command(folder.path(), &arguments), place);
        assert_bug(&ended, place);
        if place == "report" {
            continue;
        }
        let report = report(folder.path());
        assert_eq!(report["scenarios"][0]["verdict"]["kind"], "panicked", "{place}: {report:#}");
    }
    let ended = run_in(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn panic_in_any_task_ends_the_run_and_no_further_scenario_begins() {
    let folder = scenarios(&[
        ("a.yaml", &(ENROLS.to_owned() + WAITS)),
        ("b.yaml", ENROLS),
        ("c.yaml", ENROLS),
    ]);
    let reports = ["--report", "json=report.json", "--report", "junit=report.xml"];
    // A panic in the CA's task breaks no scenario by itself: the first would try for longer than this test does.
    for place in ["step", "service"] {
        let run = [&["run", "--jobs", "1", "."], &reports[..]].concat();
        let ended = broken(command(folder.path(), &run), place);
        assert_bug(&ended, place);
        let summary = "1 with an internal error, 2 not finished in ";
        assert!(ended.stdout.contains(summary), "{place}: {}", ended.transcript());
        let report = report(folder.path());
        assert_eq!(report["scenarios"].as_array().unwrap().len(), 1, "{report:#}");
        assert_eq!(report["scenarios"][0]["verdict"]["kind"], "panicked", "{report:#}");
        assert_eq!(report["interrupted"], false);
        for unfinished in report["unfinished"].as_array().unwrap() {
            assert_eq!(unfinished["begun"], false, "{report:#}");
        }
        let junit = fs::read_to_string(folder.path().join("report.xml")).unwrap();
        let why = "an internal error ended the run before this began";
        assert_eq!(junit.matches(why).count(), 2, "{junit}");
    }
}

#[test]
fn panic_in_a_cell_is_a_bug_and_ends_the_matrix() {
    let folder = scenarios(&[("a.yaml", ENROLS), ("b.yaml", ENROLS)]);
    let matrix = ["matrix", "--driver", "virtual", "--client", "builtin", "--jobs", "1", "."];
    let arguments = [&matrix[..], &["--report", "json=report.json"]].concat();
    for place in ["step", "driver", "service"] {
        let ended = broken(command(folder.path(), &arguments), place);
        assert_bug(&ended, place);
        assert!(ended.stdout.contains("1 with an internal error, 1 not finished"), "{ended:?}");
        let counts = &report(folder.path())["counts"];
        assert_eq!((&counts["panicked"], &counts["unfinished"]), (&1.into(), &1.into()));
    }
}

#[test]
fn panic_in_a_case_is_a_bug_and_no_deviation_of_the_client() {
    let client = [env!("CARGO_BIN_EXE_sceplab"), "enrol", "{url}", "--challenge", "{challenge}"];
    let client = [&["--", "env", "-u", "SCEPLAB_PANIC_IN"], &client[..]].concat();
    for gate in [&["--no-gate"][..], &[]] {
        let case = [&["conform-client", "--case", "enrolment/right"], gate, &client].concat();
        for place in ["step", "driver", "service", "client"] {
            let mut command = command(workspace(), &case);
            command.env("SCEPLAB_CHALLENGE", "");
            let ended = broken(command, place);
            assert_bug(&ended, place);
            let blame = ["no case is tried", "FAIL", "fail "];
            let is_blamed = blame.iter().any(|word| ended.transcript().contains(word));
            assert!(!is_blamed, "{place}: {}", ended.transcript());
        }
    }
}

#[test]
fn panic_in_a_test_of_a_server_is_a_bug_and_no_deviation_of_the_server() {
    let server = Server::start(&["linux"]);
    let folder = tempfile::tempdir().unwrap();
    let place = "step";
    let file = folder.path().join("report.json");
    let format = format!("json={}", file.display());
    let conform = ["conform", &server.url(LINUX), "--jobs", "1", "--report", &format];
    let ended = broken(command(workspace(), &conform), place);
    assert_bug(&ended, place);
    let counts = &report(folder.path())["counts"];
    assert_eq!((&counts["panicked"], &counts["failed"]), (&1.into(), &0.into()), "{ended:?}");
}

#[tokio::test]
async fn panic_in_a_request_is_told_at_once_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    for arguments in [&["linux"][..], &["linux", "--state", &state]] {
        let mut server = Server::start_with(arguments, &[("SCEPLAB_PANIC_IN", "serve")]);
        for _ in 0..2 {
            let answer = get(&server.authority, LINUX, "operation=GetCACaps").await;
            assert_eq!(answer.status, 500);
            let told = server
                .running
                .stderr_line(|line| line.contains("injected in serve").then(|| line.to_owned()));
            assert!(
                told.starts_with("error: internal error at ") && told.contains(".rs:"),
                "{told}"
            );
        }
        let (code, _, stderr) = server.interrupt();
        assert_eq!(code, Some(1), "{stderr}");
        let end = "error: 2 internal errors in sceplab ";
        assert!(stderr.contains(end) && stderr.contains("please report it"), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn panic_in_a_session_is_told_at_once_and_the_device_goes_on() {
    use crate::support::served::Served;

    let mut served = Served::start_with(&[], &[("SCEPLAB_PANIC_IN", "session")]);
    served.running.stderr_line(|line| line.contains("injected in session").then_some(()));
    let ended = served.says("show date");
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    served.running.signal("TERM");
    assert_eq!(served.running.wait().code(), Some(1));
    let stderr = served.running.rest_of_stderr();
    assert!(stderr.contains("please report it"), "{stderr}");
}
