//! `sceplab matrix`: the table, the ledger, missing clients.
//!
//! These tests use the virtual lab, which every machine has; the test program `netns` runs real clients.

use std::fs;
use std::path::Path;

use super::cli::assert_output;
use super::sceplab::{Ended, run_in};
use crate::support::matrix_samples::{LAB, REFUSED, SCENARIO, samples, write};

#[track_caller]
fn matrix(folder: &Path, arguments: &[&str]) -> Ended {
    let ended = run_in(folder, &[&["matrix", "--driver", "virtual"], arguments].concat());
    ended.assert_orderly();
    ended
}

#[test]
fn scenario_runs_at_every_pki_that_stands_in_for_its_own() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", REFUSED);
    assert_output("matrix", &matrix(samples.path(), &[]).transcript());
}

#[test]
fn unexpected_failure_is_reported_in_full() {
    let ended = matrix(samples().path(), &["--client", "builtin"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    for part in [
        "fail  enrol/second/builtin (step 2 of 2)",
        "not found in",
        "ca: 10.0.0.64:",
        "fail PKCSReq [1]",
        "[1] PKIOperation (PKCSReq) was answered FAILURE, badRequest",
        "1 passed, 1 failed in",
    ] {
        assert!(ended.stdout.contains(part), "{part} is not in\n{}", ended.stdout);
    }
}

#[test]
fn failure_other_than_the_expected_one_fails_the_run() {
    let samples = samples();
    write(samples.path(), "mine.yaml", &REFUSED.replace("badRequest", "badTime"));
    let ended = matrix(samples.path(), &["--client", "builtin", "--ledger", "mine.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    let note = "not the failure that mine.yaml:2 expects: its CA knows another password";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
}

#[test]
fn expected_failure_that_passes_fails_the_run() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", &REFUSED.replace("second", "first"));
    let ended = matrix(samples.path(), &["--client", "builtin", "scenarios/enrol.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    let note = "no longer fails; scenarios/matrix-ledger.yaml:2 expects that it does";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
    assert!(ended.stdout.contains("1 no longer failing"), "{}", ended.stdout);
}

#[test]
fn unused_ledger_entry_is_reported_if_the_whole_matrix_was_run() {
    let samples = samples();
    let stale = REFUSED.replace("enrol", "enrolment");
    write(samples.path(), "scenarios/matrix-ledger.yaml", &[REFUSED, &stale[19..]].concat());
    let whole = matrix(samples.path(), &[]);
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    assert!(
        whole.stderr.contains("this expected failure matches no cell of the matrix"),
        "{}",
        whole.stderr
    );
    assert!(whole.stderr.contains("scenarios/matrix-ledger.yaml:8:5"), "{}", whole.stderr);
    let part = matrix(samples.path(), &["--client", "builtin"]);
    assert_eq!((part.code, part.stderr.as_str()), (Some(0), ""));
}

#[test]
fn mistakes_in_the_ledger_are_reported_with_their_place() {
    let samples = samples();
    let wrong = REFUSED
        .replace("builtin", "biultin")
        .replace("FAILURE, badRequest", "'FAILURE, (bad'")
        .replace("source", "sauce");
    write(samples.path(), "scenarios/matrix-ledger.yaml", &wrong);
    assert_output("matrix-ledger", &matrix(samples.path(), &[]).transcript());
    let nowhere = matrix(samples.path(), &["--ledger", "nowhere.yaml"]);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (Some(2), ""));
    assert!(nowhere.stderr.contains("nowhere.yaml"), "{}", nowhere.stderr);
}

#[test]
fn lab_that_stands_in_for_a_missing_lab_is_rejected() {
    let samples = samples();
    let lab = LAB.replace("title: first", "stands-in-for: frist.yaml");
    write(samples.path(), "scenarios/labs/second.yaml", &lab);
    let ended = matrix(samples.path(), &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stdout);
    assert!(ended.stderr.contains("`stands-in-for` names `frist.yaml`"), "{}", ended.stderr);
}

#[test]
fn folder_without_scenarios_for_the_matrix_exits_with_5() {
    let samples = samples();
    write(samples.path(), "scenarios/enrol.yaml", &SCENARIO.replace("[matrix]", "[other]"));
    let nothing = matrix(samples.path(), &[]);
    assert_eq!(nothing.code, Some(5), "{}", nothing.stderr);
    // A named scenario runs without the tag.
    let named = matrix(samples.path(), &["--client", "builtin", "scenarios/enrol.yaml"]);
    assert_eq!(named.code, Some(4), "{}", named.stderr);
}

#[test]
fn client_that_the_driver_cannot_run_is_wrong_usage() {
    let ended = matrix(samples().path(), &["--client", "builtin", "--client", "strongswan"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    let typed = "type `--client strongswan --driver netns`";
    assert!(ended.stderr.contains(typed), "{}", ended.stderr);
}

#[test]
fn reports_agree_with_the_table() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", REFUSED);
    let reports = ["markdown=m.md", "json=m.json", "junit=m.xml"];
    let reports: Vec<&str> = reports.iter().flat_map(|report| ["--report", report]).collect();
    assert_eq!(matrix(samples.path(), &reports).code, Some(0));
    let read = |name: &str| fs::read_to_string(samples.path().join(name)).unwrap();
    let cells = r"| enrol | first | pass | skip \[1\] |";
    assert!(read("m.md").contains(cells), "{}", read("m.md"));
    assert!(read("m.json").contains(r#""expected_failures": 1"#), "{}", read("m.json"));
    assert!(read("m.xml").contains(r#"tests="10" failures="0""#), "{}", read("m.xml"));
}
