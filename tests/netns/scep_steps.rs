//! Steps that talk to a mock CA in a lab on the kernel's network.

use std::fs;

use crate::support::sceplab::{Ended, run_in};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        every_kind_of_step_runs_with_and_without_a_host,
        mock_ca_is_reached_at_its_hosts_address,
        fault_that_did_not_fire_fails_the_scenario,
        client_that_rejects_a_faulty_reply_passes,
        closed_connection_is_no_reply_and_breaks_no_lab,
    ]
}

const HEAD: &str = "title: Spoken to
lab:
  hosts:
    ca: {addresses: [10.0.0.1/24], runs: ca}
  pki:
    ca:
      personality: rfc8894
      port: 8080
      challenge: {static: hunter22}
";

/// The same without a host.
const BARE: &str = "title: Spoken to
lab:
  pki: {ca: {personality: rfc8894, challenge: {static: hunter22}}}
";

const STEPS: &str = "steps:
  - scep: {send: PKCSReq, accept: [{status: SUCCESS, http: 200}]}
  - scep: {send: PKCSReq, challenge: wrong, accept: [{status: FAILURE}]}
  - client: {}
  - seen: {on: PKCSReq, accept: [{method: POST, proof-of-possession: valid}]}
  - issued: {count: 2}
";

/// Runs a scenario on the kernel's network.
fn run(scenario: &str, further: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("it.yaml"), scenario).unwrap();
    let arguments = [&["run", "--driver", "netns", "it.yaml"], further].concat();
    let ended = run_in(folder.path(), &arguments);
    ended.assert_orderly();
    assert!(!ended.transcript().contains("hunter22"), "{}", ended.transcript());
    ended
}

fn every_kind_of_step_runs_with_and_without_a_host() {
    for head in [HEAD, BARE] {
        let ended = run(&format!("{head}{STEPS}"), &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    }
}

fn mock_ca_is_reached_at_its_hosts_address() {
    let ended = run(&format!("{HEAD}{STEPS}").replace("count: 2", "count: 3, within: 0s"), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    // The log has the address of the client; in memory there would be none.
    let told = ended.stdout.lines().filter(|line| line.contains("ca: 10.0.0.1:"));
    assert!(told.count() >= 4, "{}", ended.stdout);
}

fn fault_that_did_not_fire_fails_the_scenario() {
    let faults = "      faults: [{on: CertPoll, do: wrong-recipient-nonce}]\n";
    let ended = run(&format!("{HEAD}{faults}{STEPS}"), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("a fault did not happen: nothing is proved"), "{}", ended.stdout);
}

fn client_that_rejects_a_faulty_reply_passes() {
    let faults = "      faults: [{on: PKCSReq, do: wrong-recipient-nonce}]\n";
    let steps = "steps:\n  - client: {expect: failure}\n";
    let ended = run(&format!("{HEAD}{faults}{steps}"), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let ended = run(&format!("{HEAD}{steps}"), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        ended.stdout.contains("the client accepts a reply that it must reject"),
        "{}",
        ended.stdout
    );
}

fn closed_connection_is_no_reply_and_breaks_no_lab() {
    let faults = "      faults: [{on: GetCACaps, do: close-connection}]\n";
    let steps = "steps:\n  - scep: {send: GetCACaps, accept: [{reply: none}]}\n";
    let ended = run(&format!("{HEAD}{faults}{steps}"), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}
