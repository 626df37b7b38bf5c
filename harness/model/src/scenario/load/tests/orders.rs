//! The steps `pki`, `reboot`, `save-config`, `link` and `certificate`.

use super::{messages, read, steps};
use crate::scenario::{Action, CertificateSource, PkiOrder, RevocationReason};

#[test]
fn orders_are_read() {
    let scenario = steps(
        "- pki: {do: stop}
- pki: {do: revoke, certificate: '1A:2b', reason: superseded, pki: ca}
- pki: {do: revoke, certificate: latest}
- reboot:
- reboot: {power-cut: true, device: DUT0}
- save-config: {}
- link: {do: down}
- link: {do: up, interface: eth0}
",
    )
    .unwrap();
    let titles: Vec<String> = scenario.steps.iter().map(|step| step.action.title()).collect();
    assert_eq!(
        titles,
        [
            "stop ca",
            "revoke certificate 1A:2b of ca",
            "revoke the certificate that ca issued last",
            "restart DUT0",
            "cut the power of DUT0",
            "save the configuration of DUT0",
            "take the link at eth0 of DUT0 down",
            "take the link at eth0 of DUT0 up",
        ]
    );
    let Action::Pki(revoke) = &scenario.steps[1].action else { panic!() };
    let PkiOrder::Revoke { reason, .. } = &revoke.order else { panic!() };
    assert_eq!(*reason, RevocationReason::Superseded);
}

#[test]
fn mistakes_in_orders_are_reported() {
    for (step, message) in [
        ("pki: {do: stp}", "unknown order `stp`"),
        ("pki: {pki: ca}", "a pki step lacks the field `do`"),
        ("pki: {do: stop, certificate: latest}", "only `do: revoke` is about a certificate"),
        ("pki: {do: start, reason: superseded}", "only `do: revoke` has a reason"),
        ("pki: {do: revoke, reason: lost}", "unknown reason `lost`"),
        (
            "pki: {do: revoke, certificate: first}",
            "expected `latest` or a serial number in hexadecimal, found `first`",
        ),
        ("reboot: {power-cut: perhaps}", "unknown power-cut `perhaps`"),
        ("link: {do: up, interface: eth7}", "unknown interface `eth7`"),
        ("link: {interface: eth0}", "a link step lacks the field `do`"),
    ] {
        assert_eq!(messages(steps(&format!("- {step}\n"))), [message], "{step}");
    }
    let shown = steps("- pki: stop\n").unwrap_err().to_string();
    assert!(shown.contains("write `pki: {do: stop}`"), "{shown}");
    let shown = steps("- rollover: {pki: ca}\n").unwrap_err().to_string();
    assert!(shown.contains("by a step `pki: {do: …}`"), "{shown}");
}

#[test]
fn interface_is_required_if_a_device_has_several() {
    let wrong = read(
        "title: T
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24, eth1: 10.0.1.0/24}}}
  hosts: {a: {addresses: [10.0.0.1/24, 10.0.1.1/24]}}
steps:
- link: {do: down}
",
    );
    assert_eq!(messages(wrong), ["`interface` is required, such as `eth0`"]);
}

#[test]
fn certificate_of_the_pki_and_of_the_device_are_read() {
    let scenario = steps(
        "- certificate: {is: {not-after: 2027-01-01T00:00Z}, remember-as: first}
- certificate: {csr: CSR, is: {serial: other, key: [same, other], days-left: 10..}}
- certificate: {csr: CSR, file: ca/ca.der, compare-with: first, is: {key: other}}
",
    )
    .unwrap();
    let certificate = |step: usize| match &scenario.steps[step].action {
        Action::Certificate(it) => it,
        other => panic!("{other:?}"),
    };
    assert_eq!(certificate(0).source, CertificateSource::LatestOf("ca".to_owned()));
    let moment = &certificate(0).expected.conditions[0].expected;
    assert!(format!("{moment:?}").contains("2027-01-01T00:00:00Z"), "{moment:?}");
    let url = "running://auth/certificates/scep/CSR";
    for (step, file) in [(1, "user/cert"), (2, "ca/ca.der")] {
        let command = certificate(step).source.command().unwrap();
        assert_eq!(command, format!("pki show certificate {url}/{file}"));
    }
}

#[test]
fn comparison_needs_a_certificate_that_was_seen() {
    let nothing = "there is no certificate to compare with";
    for (text, message) in [
        ("- certificate: {is: {serial: other}}\n", nothing),
        ("- certificate: {csr: CSR, is: {subject: CN = a, key: same}}\n", nothing),
        (
            "- certificate: {is: {validity: valid}}\n- certificate: {is: {key: same}, compare-with: one}\n",
            "no earlier step remembers `one`",
        ),
        (
            "- certificate: {is: {not-after: tomorrow}}\n",
            "`tomorrow` is no moment of a certificate: a moment is a date with its time, as in `2026-01-01T00:00Z` or `2026-01-01T00:00:00Z`",
        ),
        ("- certificate: {is: {validity: good}}\n", "`validity` is never `good`"),
        (
            "- certificate: {file: x, is: {validity: valid}}\n",
            "a certificate of a device also needs its `csr`",
        ),
        (
            "- certificate: {is: {validity: valid, note: well}}\n",
            "a certificate is as expected, or not: there is no `note` and no `skip`",
        ),
    ] {
        assert_eq!(messages(steps(text)), [message], "{text}");
    }
}
