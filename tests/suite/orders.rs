//! Steps that stop, start, restart and switch parts of a lab, and the step that looks at a certificate.

use super::lab_time::{enrols, output, passed, run, scenario};

const VALID: &str = "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Valid']}\n";

#[test]
fn stopped_pki_refuses_connections_and_keeps_its_state() {
    let steps = enrols(8080)
        + VALID
        + "  - pki: {do: stop}
  - run: {command: pki scep renew CSR}
  - run: {command: pki scep show CSR, contains: ['connection refused by 10.0.0.1:8080']}
  - scep: {send: GetCACaps, accept: [{reply: none}]}
  - issued: {count: 1, within: 0s}
  - pki: {do: start}
  - certificate: {csr: CSR, is: {serial-number: '03'}, within: 2m}
  - scep: {send: GetCACaps, accept: [{http: 200}]}
  - issued: {count: 2, within: 0s}
";
    let report = passed(&scenario("", ", allow-duplicate-names: true", &steps));
    let sent = &report["scenarios"][0]["steps"][2]["sent"];
    assert_eq!((&sent["kind"], &sent["part"]), (&"order".into(), &"ca".into()), "{sent}");
}

#[test]
fn link_that_is_down_carries_nothing() {
    let steps = enrols(8080)
        + "  - ping: {address: 10.0.0.1}
  - link: {do: down}
  - ping: {address: 10.0.0.1, expect: failure}
  - link: {do: up, interface: eth0}
  - ping: {address: 10.0.0.1}
";
    passed(&scenario("", "", &steps));
}

#[test]
fn restart_loses_what_was_not_saved() {
    for (save, shown) in [("", "none is configured"), ("  - save-config: {}\n", "usercert")] {
        let steps = enrols(8080)
            + VALID
            + save
            + "  - reboot: {}\n"
            + &format!("  - run: {{command: pki scep show CSR, contains: ['{shown}']}}\n");
        passed(&scenario("", "", &steps));
    }
}

#[test]
fn power_cut_is_told_by_the_device() {
    let steps = enrols(8080)
        + VALID
        + "  - save-config: {}
  - reboot: {power-cut: true}
  - certificate: {csr: CSR, is: {serial-number: '02', signed-by: CA}}
  - run: {command: system journal show, contains: [the device has started after a power cut]}
";
    passed(&scenario("", "", &steps));
}

#[test]
fn second_revocation_is_refused_and_says_why() {
    let steps = enrols(8080)
        + VALID
        + "  - pki: {do: revoke, certificate: latest, reason: keyCompromise}
  - certificate: {is: {serial-number: '02', revoked: 'yes'}}
  - pki: {do: revoke, certificate: '02'}
";
    let (ended, _) = run(&scenario("", "", &steps));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for told in ["the PKI refused the order", "02", "revoked"] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.transcript());
    }
}

#[test]
fn wrong_facts_of_a_certificate_are_told_field_by_field() {
    let steps = enrols(8080)
        + "  - certificate: {csr: CSR, is: {subject: CN = a, signed-by: CA}}
  - certificate:
      is: {subject: CN = b, issuer: /Teldat/, serial: other, key: same, days: 10..20}
      within: 0s
";
    let (ended, _) = run(&scenario("", "", &steps));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let difference = "     difference:
       subject: expected CN = b, came CN = a
       serial: expected other, came same
       days: expected 10 to 20, came 365
";
    assert!(ended.stdout.contains(difference), "{}", ended.transcript());
    assert!(!ended.stdout.contains("issuer: expected"), "{}", ended.transcript());
}

#[test]
fn certificate_that_never_comes_is_told() {
    let steps = enrols(9) + "  - certificate: {csr: CSR, is: {validity: valid}, within: 2s}\n";
    let (ended, report) = run(&scenario("", "", &steps));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("there is no certificate yet"), "{}", ended.transcript());
    assert!(output(&report, 2).contains("has no files yet"), "{report:#}");
}
