//! Help, and wrong usage.

use super::assert_run;

#[test]
fn help() {
    assert_run("help", &["--help"]);
    for command in [
        "run",
        "matrix",
        "conform",
        "conform-client",
        "enrol",
        "check",
        "list",
        "serve",
        "health",
        "dut",
        "clean",
        "completions",
    ] {
        assert_run(&format!("help-{command}"), &[command, "--help"]);
    }
}

#[test]
fn version() {
    assert_run("version", &["--version"]);
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_run("usage-nothing", &[]);
    assert_run("usage-option", &["run", "--jbos", "2"]);
    assert_run("usage-command", &["rnu"]);
    assert_run("usage-jobs", &["run", "--jobs", "0"]);
    assert_run("usage-jobs-word", &["run", "--jobs", "many"]);
    assert_run("usage-report", &["run", "--report", "pdf=x"]);
    assert_run("usage-personality", &["serve", "unix"]);
}

#[test]
fn nothing_selected_exits_with_5() {
    assert_run("nothing-tag", &["run", "--tag", "qiuck"]);
    assert_run("nothing-empty", &["check", "scenarios/labs"]);
}

#[test]
fn missing_path_exits_with_2() {
    assert_run("nowhere", &["run", "scenario"]);
    let empty = tempfile::tempdir().unwrap();
    super::assert_run_in(empty.path(), "nowhere-default", &["run"]);
    assert_run("nowhere-lab", &["run", "--lab", "scenarios/lab.yaml"]);
}

#[test]
fn completions_are_a_script() {
    let ended = crate::suite::sceplab::run(&["completions", "bash"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("_sceplab()"));
}
