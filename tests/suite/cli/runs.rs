//! Output of `sceplab run`.

use std::fs;

use super::{PING, assert_run, assert_run_in, samples};
use crate::suite::sceplab::run_in;

#[test]
fn passing_run_is_printed() {
    assert_run("run-pass", &["run", "scenarios/ping.yaml"]);
}

#[test]
fn verbose_run_prints_every_step() {
    assert_run("run-verbose", &["run", "scenarios/ping.yaml", "-v"]);
}

#[test]
fn failed_check_is_printed_with_its_place() {
    assert_run("run-failure", &["run", "scenarios/ttl.yaml"]);
}

#[test]
fn failed_enrolment_is_printed_with_the_protocol_logs() {
    let samples = samples();
    let ended = run_in(samples.path(), &["run", "scenarios/scep/challenge.yaml"]);
    assert_eq!(ended.code, Some(4));
    let transaction = regex::Regex::new(r"\b[0-9A-Fa-f]{40}\b").unwrap();
    let told = transaction.replace_all(&ended.transcript(), "<transaction id>").into_owned();
    super::assert_output("run-enrolment-failure", &told);
}

#[test]
fn failure_among_several_scenarios_is_printed() {
    assert_run("run-several", &["run", "--jobs", "1", "--tag", "network"]);
}

#[test]
fn tag_selects_scenarios() {
    assert_run("run-tag", &["run", "--tag", "quick"]);
}

#[test]
fn lab_option_replaces_the_lab_of_a_scenario() {
    assert_run("run-lab", &["run", "scenarios/ttl.yaml", "--lab", "scenarios/labs/far.yaml"]);
    let samples = samples();
    let routed = PING.replace(
        "10.0.0.64/24}",
        "10.0.0.64/24\\nset protocols static route 10.0.1.0/24 next-hop 10.0.0.2\"}",
    );
    let routed = routed.replace("{set: set", "{set: \"set").replace("10.0.0.1,", "10.0.1.1,");
    fs::write(samples.path().join("scenarios/ping.yaml"), routed).unwrap();
    let here = run_in(samples.path(), &["run", "scenarios/ping.yaml"]);
    assert_eq!(here.code, Some(4), "{}{}", here.stdout, here.stderr);
    let there = ["run", "scenarios/ping.yaml", "--lab", "scenarios/labs/far.yaml"];
    let there = run_in(samples.path(), &there);
    assert_eq!(there.code, Some(0), "{}{}", there.stdout, there.stderr);
}

#[test]
fn refused_configuration_is_printed() {
    let samples = samples();
    let wrong =
        PING.replace("ethernet eth0 address 10.0.0.64/24", "ethernet eth7 address 10.0.0.64/33");
    fs::write(samples.path().join("scenarios/ping.yaml"), wrong).unwrap();
    assert_run_in(samples.path(), "run-refused", &["run", "scenarios/ping.yaml"]);
}

#[test]
fn unexpected_success_of_a_step_is_printed() {
    let samples = samples();
    let wrong = PING.replace("count: 2", "expect: failure");
    fs::write(samples.path().join("scenarios/ping.yaml"), wrong).unwrap();
    assert_run_in(samples.path(), "run-unexpected-success", &["run", "scenarios/ping.yaml"]);
}

#[test]
fn parallel_scenarios_have_separate_labs() {
    let samples = samples();
    for number in 0..20 {
        fs::write(samples.path().join(format!("scenarios/ping-{number}.yaml")), PING).unwrap();
    }
    let ended = run_in(samples.path(), &["run", "--tag", "quick", "--jobs", "8"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n21 passed in "), "{}", ended.stdout);
}

#[test]
fn image_lab_is_skipped_if_other_labs_can_be_run() {
    let samples = samples();
    let image =
        "hosts:\n    far: {addresses: [10.0.0.1/24], runs: {image: scep, ready: {port: 1}}}\n";
    let scenario = format!("title: Image\nlab:\n  {image}steps:\n  - approve: {{pki: far}}\n");
    fs::write(samples.path().join("scenarios/image.yaml"), scenario).unwrap();
    let both = ["run", "scenarios/image.yaml", "scenarios/ping.yaml"];
    let ended = run_in(samples.path(), &both);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let reason =
        "driver `virtual` does not support images: host `far` runs `scep`; `--driver docker` does";
    assert!(ended.stdout.contains(reason), "{}", ended.stdout);
    let alone = run_in(samples.path(), &["run", "--driver", "virtual", "scenarios/image.yaml"]);
    assert_eq!(alone.code, Some(2), "{}", alone.transcript());
    assert!(alone.stderr.contains("type `--driver docker`"), "{}", alone.stderr);
}

#[cfg(not(feature = "docker"))]
#[test]
fn docker_driver_needs_the_feature_docker() {
    let samples = samples();
    let ended = run_in(samples.path(), &["run", "--driver", "docker", "scenarios/ping.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("built without the feature `docker`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--features docker"), "{}", ended.stderr);
}
