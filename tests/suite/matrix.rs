//! `sceplab matrix`: the table, the ledger, what is missing.
//!
//! The table is drawn in the virtual lab, which every machine has; real clients need namespaces, and are tried where
//! there are some.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::cli::assert_told;
use super::sceplab::{Ended, command, finish, run_in, skip};

const LAB: &str = "title: first
devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway: {addresses: [10.0.0.1/24], runs: ca}
pki:
  ca: {personality: linux, port: 8080, challenge: {static: hunter2}}
";

const SCENARIO: &str = "title: The device enrols
tags: [matrix]
lab: labs/first.yaml
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=MyUserCert
        set system certificate scep csr CSR password hunter2
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url 'http://10.0.0.1'
  - run:
      command: pki scep show CSR
      matches: ['usercert\\s+Valid']
      within: 5s
";

/// Where the second lab's CA refuses what the first one's takes.
const REFUSED: &str = "expected-failures:
  - scenario: enrol
    pki: second
    client: builtin
    reason: FAILURE, badRequest
    because: its CA knows another password
    source: this test
";

/// A scenario at a CA that takes its password and, by a lab that stands in, at one that does not.
fn samples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let second =
        LAB.replace("title: first\n", "stands-in-for: first.yaml\n").replace("hunter2", "hunter3");
    write(folder.path(), "scenarios/labs/first.yaml", LAB);
    write(folder.path(), "scenarios/labs/second.yaml", &second);
    write(folder.path(), "scenarios/enrol.yaml", SCENARIO);
    write(folder.path(), "scenarios/other.yaml", &SCENARIO.replace("[matrix]", "[other]"));
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[track_caller]
fn matrix(folder: &Path, arguments: &[&str]) -> Ended {
    let ended = run_in(folder, &[&["matrix", "--driver", "virtual"], arguments].concat());
    ended.assert_orderly();
    ended
}

#[test]
fn a_scenario_is_tried_at_every_pki_that_stands_in_for_its_own() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", REFUSED);
    assert_told("matrix", &matrix(samples.path(), &[]).told());
}

#[test]
fn a_failure_that_nobody_expects_is_told_in_full() {
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
fn another_failure_than_the_expected_one_is_a_failure() {
    let samples = samples();
    write(samples.path(), "mine.yaml", &REFUSED.replace("badRequest", "badTime"));
    let ended = matrix(samples.path(), &["--client", "builtin", "--ledger", "mine.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    let note = "not the failure that mine.yaml:2 expects: its CA knows another password";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
}

#[test]
fn an_expected_failure_that_passes_is_told_and_is_a_failure() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", &REFUSED.replace("second", "first"));
    let ended = matrix(samples.path(), &["--client", "builtin", "scenarios/enrol.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    let note = "no longer fails; scenarios/matrix-ledger.yaml:2 expects that it does";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
    assert!(ended.stdout.contains("1 no longer failing"), "{}", ended.stdout);
}

#[test]
fn an_entry_about_no_cell_is_told_where_the_whole_matrix_was_run() {
    let samples = samples();
    let stale = REFUSED.replace("enrol", "enrolment");
    write(samples.path(), "scenarios/matrix-ledger.yaml", &[REFUSED, &stale[19..]].concat());
    let whole = matrix(samples.path(), &[]);
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    assert!(whole.stderr.contains("this expected failure is about no cell"), "{}", whole.stderr);
    assert!(whole.stderr.contains("scenarios/matrix-ledger.yaml:8:5"), "{}", whole.stderr);
    let part = matrix(samples.path(), &["--client", "builtin"]);
    assert_eq!((part.code, part.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_ledger_with_mistakes_is_shown_where_they_are() {
    let samples = samples();
    let wrong = REFUSED
        .replace("builtin", "biultin")
        .replace("FAILURE, badRequest", "'FAILURE, (bad'")
        .replace("source", "sauce");
    write(samples.path(), "scenarios/matrix-ledger.yaml", &wrong);
    assert_told("matrix-ledger", &matrix(samples.path(), &[]).told());
    let nowhere = matrix(samples.path(), &["--ledger", "nowhere.yaml"]);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (Some(2), ""));
    assert!(nowhere.stderr.contains("nowhere.yaml"), "{}", nowhere.stderr);
}

#[test]
fn a_lab_that_stands_in_for_none_is_told() {
    let samples = samples();
    let lab = LAB.replace("title: first", "stands-in-for: frist.yaml");
    write(samples.path(), "scenarios/labs/second.yaml", &lab);
    let ended = matrix(samples.path(), &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stdout);
    assert!(ended.stderr.contains("it stands in for `frist.yaml`"), "{}", ended.stderr);
}

#[test]
fn a_folder_without_scenarios_for_the_matrix_exits_with_5() {
    let samples = samples();
    write(samples.path(), "scenarios/enrol.yaml", &SCENARIO.replace("[matrix]", "[other]"));
    let nothing = matrix(samples.path(), &[]);
    assert_eq!(nothing.code, Some(5), "{}", nothing.stderr);
    // What is named is meant, whatever its tags.
    let named = matrix(samples.path(), &["--client", "builtin", "scenarios/enrol.yaml"]);
    assert_eq!(named.code, Some(4), "{}", named.stderr);
}

#[test]
fn a_client_that_is_named_and_has_no_way_in_is_wrong_usage() {
    let ended = matrix(samples().path(), &["--client", "builtin", "--client", "strongswan"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    let typed = "type `--client strongswan --driver netns`";
    assert!(ended.stderr.contains(typed), "{}", ended.stderr);
}

#[test]
fn the_reports_are_those_of_the_table() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", REFUSED);
    let reports = ["markdown=m.md", "json=m.json", "junit=m.xml"];
    let reports: Vec<&str> = reports.iter().flat_map(|report| ["--report", report]).collect();
    assert_eq!(matrix(samples.path(), &reports).code, Some(0));
    let read = |name: &str| fs::read_to_string(samples.path().join(name)).unwrap();
    let cells = r"| enrol | first | pass | skip \[1\] |";
    assert!(read("m.md").contains(cells), "{}", read("m.md"));
    assert!(read("m.json").contains(r#""expected_failures": 1"#), "{}", read("m.json"));
    assert!(read("m.xml").contains(r#"tests="10" skipped="9" failures="0""#), "{}", read("m.xml"));
}

/// What the binary says on the kernel's network with nothing on the path; nothing where that network cannot be had.
fn without_programs(folder: &Path, arguments: &[&str]) -> Option<Ended> {
    with_path(Path::new(""), folder, arguments)
}

/// The same with this path.
fn with_path(path: &Path, folder: &Path, arguments: &[&str]) -> Option<Ended> {
    let mut command = command(folder, &[&["matrix"], arguments].concat());
    command.env("PATH", path);
    let ended = finish(command);
    ended.assert_orderly();
    if is_not_possible(&ended) {
        skip(ended.stderr.trim_end());
        return None;
    }
    Some(ended)
}

/// Whether the driver was refused what it needs, or is for another system; a lab that breaks is told in other words.
fn is_not_possible(ended: &Ended) -> bool {
    ended.code == Some(3) && ended.stderr.starts_with("error: driver `netns`")
}

#[test]
fn only_a_driver_that_is_not_possible_here_is_a_skip() {
    let ended = |code, stderr: &str| Ended {
        code: Some(code),
        stdout: String::new(),
        stderr: stderr.to_owned(),
    };
    assert!(is_not_possible(&ended(3, "error: driver `netns`: namespaces cannot be had: …")));
    assert!(is_not_possible(&ended(3, "error: driver `netns` does not support this system")));
    assert!(!is_not_possible(&ended(3, "error: network: the lab process ended")));
    assert!(!is_not_possible(&ended(1, "error: driver `netns`: …")));
}

#[test]
fn a_client_that_is_not_installed_is_a_skip_with_its_package() {
    let samples = samples();
    write(samples.path(), "scenarios/matrix-ledger.yaml", REFUSED);
    let clients = ["builtin", "strongswan", "scepclient", "sscep"];
    let clients: Vec<&str> = clients.iter().flat_map(|client| ["--client", client]).collect();
    let Some(ended) = without_programs(samples.path(), &clients) else { return };
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_told("matrix-missing", &ended.told());
}

#[cfg(unix)]
#[test]
fn a_client_without_the_plugin_that_fetches_is_a_skip_with_its_package() {
    use std::os::unix::fs::PermissionsExt;
    let samples = samples();
    let bin = samples.path().join("prefix/bin");
    write(&bin, "pki", "#!/bin/sh\n# --scepca\n");
    fs::set_permissions(bin.join("pki"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(samples.path().join("prefix/lib/ipsec/plugins")).unwrap();
    let Some(ended) = with_path(&bin, samples.path(), &["--client", "strongswan"]) else { return };
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("2 skipped in"), "{}", ended.stdout);
    assert!(ended.stdout.contains("(package `libstrongswan-extra-plugins`)"), "{}", ended.stdout);
}

#[test]
fn a_server_that_is_not_installed_is_a_skip_with_its_package() {
    let samples = samples();
    let server = "stands-in-for: first.yaml
devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway:
    addresses: [10.0.0.1/24]
    runs: {program: [scepserver, -port, '8080'], ready: {port: 8080}, package: scep}
";
    write(samples.path(), "scenarios/labs/second.yaml", server);
    let Some(ended) = without_programs(samples.path(), &["--client", "builtin"]) else { return };
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 passed, 1 skipped in"), "{}", ended.stdout);
    assert!(ended.stdout.contains("(package `scep`)"), "{}", ended.stdout);
}
