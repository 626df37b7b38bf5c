//! `sceplab check` and `sceplab list`.

use std::fs;

use super::{assert_run, assert_run_in, samples};

const WRONG: &str = "titel: Wrong in many ways
lab: labs/lab.yaml
steps:
  - configure:
      device: DUT1
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        sett system login user admin
  - rum: {command: pki scep show CSR}
  - run:
      command: pki scep show CSR
      mathces: [usercert]
  - run: {command: pki scep show CSR, matches: ['usercert\\s+(Valid']}
  - ping: {address: 10.0.0.1, timeout: 1}
";

#[test]
fn valid_files_pass_check() {
    assert_run("check", &["check"]);
}

#[test]
fn all_mistakes_of_a_file_are_drawn() {
    let samples = samples();
    fs::write(samples.path().join("scenarios/wrong.yaml"), WRONG).unwrap();
    assert_run_in(samples.path(), "check-mistakes", &["check"]);
}

#[test]
fn mistakes_of_a_shared_lab_are_reported_once() {
    let samples = samples();
    let lab = super::LAB.replace("runs: ca", "runs: cs").replace("10.0.0.1/24", "10.0.0.1/25");
    fs::write(samples.path().join("scenarios/labs/lab.yaml"), lab).unwrap();
    assert_run_in(samples.path(), "check-lab", &["check"]);
}

#[test]
fn list_shows_ids_and_titles() {
    assert_run("list", &["list"]);
    assert_run("list-tag", &["list", "--tag", "scep"]);
}

#[test]
fn scenario_id_is_the_same_in_every_working_folder() {
    let samples = samples();
    let scenarios = samples.path().join("scenarios");
    assert_run_in(&scenarios.join("scep"), "list-below", &["list", "."]);
    assert_run_in(&scenarios.join("scep"), "list", &["list", ".."]);
    assert_run_in(&scenarios, "list", &["list", "labs/.."]);
}
