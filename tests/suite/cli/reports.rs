//! Reports by `--report`.

use std::fs;

use super::{assert_output, samples};
use crate::suite::sceplab::run_in;

#[test]
fn junit_report_has_every_scenario() {
    let samples = samples();
    let arguments = ["run", "--jobs", "1", "--tag", "network", "--report", "junit=report.xml"];
    assert_eq!(run_in(samples.path(), &arguments).code, Some(4));
    assert_output("report-junit", &fs::read_to_string(samples.path().join("report.xml")).unwrap());
}

#[test]
fn reports_replace_those_of_an_earlier_run() {
    let samples = samples();
    let arguments =
        ["run", "scenarios/ping.yaml", "--report", "junit=r.xml", "--report", "json=r.json"];
    for report in ["r.xml", "r.json"] {
        fs::write(samples.path().join(report), "x".repeat(1_000_000)).unwrap();
    }
    assert_eq!(run_in(samples.path(), &arguments).code, Some(0));
    let json = fs::read_to_string(samples.path().join("r.json")).unwrap();
    assert!(json.trim_start().starts_with('{') && json.trim_end().ends_with('}'), "{json}");
    let junit = fs::read_to_string(samples.path().join("r.xml")).unwrap();
    assert!(junit.trim_end().ends_with("</testsuites>"), "{junit}");
}

#[cfg(target_os = "linux")]
#[test]
fn report_can_be_written_to_a_pipe() {
    let samples = samples();
    // This is the program's standard output, which is a pipe here.
    let arguments = ["run", "scenarios/ping.yaml", "--report", "json=/proc/self/fd/1"];
    let ended = run_in(samples.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("\"scenarios\": ["), "{}", ended.stdout);
}

#[test]
fn unwritable_report_is_rejected_before_the_run() {
    let samples = samples();
    let ended = run_in(samples.path(), &["run", "--report", "junit=no/such/folder/report.xml"]);
    ended.assert_orderly();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("no/such/folder"), "{}", ended.stderr);
}
