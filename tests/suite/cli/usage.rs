//! Help, and wrong usage.

use super::assert_run;
use crate::suite::sceplab::run;

#[test]
fn help() {
    assert_run("help", &["--help"]);
    for command in [
        "run",
        "matrix",
        "conform",
        "conform-client",
        "enrol",
        "explain",
        "replay",
        "check",
        "list",
        "serve",
        "health",
        "inspect",
        "dut",
        "clean",
        "man",
        "completions",
        "shell",
    ] {
        assert_run(&format!("help-{command}"), &[command, "--help"]);
    }
}

#[test]
fn man_writes_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    let ended = run(&["man", pages.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap_or_default();
    for name in ["sceplab.1", "sceplab-run.1", "sceplab-conform-client.1", "sceplab-shell.1"] {
        let heading = if name == "sceplab.1" { ".SH SUBCOMMANDS" } else { ".SH OPTIONS" };
        assert!(page(name).contains(heading), "{name}: {}", page(name));
    }
    assert!(page("sceplab-run.1").contains(".SH EXAMPLES\n.nf\n"), "{}", page("sceplab-run.1"));
    assert!(!pages.join("sceplab-lab-process.1").exists());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ended = run(&["man", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("cannot write man pages to"), "{ended:?}");
    assert_eq!(run(&["man"]).code, Some(2));
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
    assert_run("usage-listen", &["serve", "linux", "--listen", "127.0.0.1:80800"]);
    assert_run("usage-control", &["serve", "linux", "--control", "localhost:8090"]);
    assert_run("usage-client-command", &["conform-client", "./client.sh", "{url}"]);
    assert_run("usage-client-option", &["conform-client", "./client.sh", "-u", "{url}"]);
    assert_run("usage-client-quoted", &["conform-client", "--", "./client.sh -u {url}"]);
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
    let ended = run(&["completions", "bash"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("_sceplab()"));
}
