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
fn files_in_order() {
    assert_run("check", &["check"]);
}

#[test]
fn a_file_with_many_mistakes() {
    let samples = samples();
    fs::write(samples.path().join("scenarios/wrong.yaml"), WRONG).unwrap();
    assert_run_in(samples.path(), "check-mistakes", &["check"]);
}

#[test]
fn a_lab_with_mistakes_is_told_once() {
    let samples = samples();
    let lab = super::LAB.replace("runs: ca", "runs: cs").replace("10.0.0.1/24", "10.0.0.1/25");
    fs::write(samples.path().join("scenarios/labs/lab.yaml"), lab).unwrap();
    assert_run_in(samples.path(), "check-lab", &["check"]);
}

#[test]
fn ids_and_titles() {
    assert_run("list", &["list"]);
    assert_run("list-tag", &["list", "--tag", "scep"]);
}

#[test]
fn a_scenario_has_one_id_wherever_one_stands() {
    let samples = samples();
    let scenarios = samples.path().join("scenarios");
    assert_run_in(&scenarios.join("scep"), "list-below", &["list", "."]);
    assert_run_in(&scenarios.join("scep"), "list", &["list", ".."]);
    assert_run_in(&scenarios, "list", &["list", "labs/.."]);
}
