//! Steps with a client under test, and faults that did not fire.

use std::fs;

use super::sceplab::{Ended, run_in};

const HEAD: &str = "title: A client enrols
lab:
  pki:
    ca:
      personality: rfc8894
      challenge: {static: hunter22}
";

/// Runs `check` or `run` with a scenario of these steps; `pki` has further lines of its PKI.
fn run(command: &str, pki: &str, steps: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{HEAD}{pki}steps:\n{steps}");
    fs::write(folder.path().join("it.yaml"), text).unwrap();
    let ended = run_in(folder.path(), &[command, "it.yaml"]);
    ended.assert_orderly();
    assert!(!ended.transcript().contains("hunter22"), "{}", ended.transcript());
    ended
}

#[test]
fn client_step_enrols_and_seen_step_checks_its_requests() {
    let steps = "
  - client: {}
  - seen: {on: PKCSReq, accept: [{method: POST, cipher: AES-128, key-bits: 2048.., signer: self-signed}]}
  - seen: {on: CertPoll, accept: [{message-type: absent}]}
  - client: {challenge: wrong, accept: [{outcome: issued, note: it renewed}]}
  - seen: {on: RenewalReq, accept: [{signer: issued, challenge: absent, transaction: new}]}
  - issued: {count: 2}
";
    let ended = run("run", "", steps);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("note: it renewed"), "{}", ended.stdout);
}

#[test]
fn unacceptable_request_of_a_client_is_reported() {
    let steps = "
  - client: {}
  - seen: {on: PKCSReq, accept: [{method: GET}]}
";
    let ended = run("run", "", steps);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for told in ["a request came that this step does not accept", "method is POST"] {
        assert!(ended.stdout.contains(told), "{}", ended.stdout);
    }
}

#[test]
fn wrong_acceptance_and_wrong_refusal_by_a_client_fail() {
    let (wanted, fault) = ("  - client: {expect: failure}\n", "do: extra-attribute");
    let faults = format!("      faults: [{{on: PKCSReq, {fault}}}]\n");
    let ended = run("run", &faults, wanted);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        ended.stdout.contains("the client accepts a reply that it must reject"),
        "{}",
        ended.stdout
    );
    let faults = faults.replace(fault, "do: wrong-recipient-nonce");
    assert_eq!(run("run", &faults, wanted).code, Some(0));
    let ended = run("run", &faults, "  - client: {}\n");
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for told in [
        "the client fails although the CA issued a certificate",
        "recipientNonce is",
        "outcome is refused",
    ] {
        assert!(ended.stdout.contains(told), "{}", ended.stdout);
    }
}

#[test]
fn refusal_by_the_ca_is_not_counted_as_the_clients() {
    let pki =
        "      capabilities: [SHA-512]\n      faults: [{on: PKCSReq, do: wrong-recipient-nonce}]\n";
    let ended = run("run", pki, "  - client: {expect: failure}\n");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("there was nothing to refuse"), "{}", ended.stdout);
}

#[test]
fn fault_that_did_not_fire_proves_nothing() {
    let faults = "      faults: [{on: CertPoll, do: wrong-recipient-nonce}]\n";
    let ended = run("run", faults, "  - client: {}\n");
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for told in [
        "a fault did not happen: nothing is proved",
        "`on: CertPoll, do: wrong-recipient-nonce` did not happen",
    ] {
        assert!(ended.stdout.contains(told), "{}", ended.stdout);
    }
    let skipped = run("run", faults, "  - client: {skip-unless-fired: it does not poll}\n");
    assert_eq!(skipped.code, Some(0), "{}", skipped.transcript());
    assert!(skipped.stdout.contains("it does not poll"), "{}", skipped.stdout);
}

#[test]
fn mistakes_in_client_steps_are_reported_at_once() {
    let steps = "
  - client: {expect: failure, accept: [{outcome: issued}]}
  - client: {accept: [{outcome: isued}]}
  - client: {challenge: none, with: 20s}
  - seen: {on: PKCSreq, accept: [{method: POST}]}
  - seen: {on: PKCSReq, accept: [{methd: POST}]}
  - seen: {on: PKCSReq}
";
    let ended = run("check", "", steps);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    for told in [
        "`expect: failure` says already what is acceptable",
        "`outcome` is never `isued`",
        "unknown field `with` in a client step",
        "unknown request `PKCSreq`",
        "unknown field `methd` in an acceptable outcome",
        "a seen step lacks the field `accept`",
        "6 errors",
    ] {
        assert!(ended.stderr.contains(told), "{told}\n{}", ended.stderr);
    }
}
