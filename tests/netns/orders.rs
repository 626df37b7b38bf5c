//! Steps that move the clock of a lab on the kernel's network, and that stop and switch its parts.

use std::fs;

use crate::support::sceplab::{Ended, run_in};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        advance_moves_devices_and_mock_cas_together,
        stopped_pki_and_link_that_is_down_come_back,
        events_of_a_pki_are_listed_at_their_moments,
    ]
}

const LAB: &str = "title: Ordered about
lab:
  clock: 2026-01-01T00:00Z
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24], runs: ca}}
  pki: {ca: {personality: rfc8894, port: 8080}}
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR distinguished-names CN=a
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR renew-at 80
        set system certificate scep csr CSR url http://10.0.0.1
  - certificate: {csr: CSR, is: {serial-number: '01'}}
";

fn run(steps: &str) -> Ended {
    run_file(&format!("{LAB}{steps}"))
}

fn run_file(text: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("it.yaml"), text).unwrap();
    let ended = run_in(folder.path(), &["run", "--driver", "netns", "it.yaml", "-v"]);
    ended.assert_orderly();
    ended
}

fn advance_moves_devices_and_mock_cas_together() {
    let ended = run("  - advance: {by: 291d}
  - certificate: {csr: CSR, is: {serial: same, validity: valid}, within: 0s}
  - advance: {by: 2d}
  - certificate: {csr: CSR, is: {serial: other, validity: valid, days-left: 363..364}, within: 0s}
  - advance: {by: 292d}
  - certificate: {csr: CSR, is: {serial: other, validity: valid}, within: 0s}
  - issued: {count: 3, within: 0s}
");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let told = "DUT0: CSR: renewal: PKIOperation (RenewalReq) was answered SUCCESS: certificate 02";
    let line = ended.stdout.lines().find(|line| line.contains(told)).unwrap();
    assert!(line.trim_start().starts_with("2026-10-20T00:0"), "{line}");
}

fn events_of_a_pki_are_listed_at_their_moments() {
    let fields = "port: 8080, approval: {after: 3d}, next-ca: {from: 2026-01-08T12:00Z}";
    let lab = LAB.replace("port: 8080", fields);
    let begin = lab.find("  - certificate").unwrap();
    let ended = run_file(&format!(
        "{}  - run: {{command: pki scep show CSR, matches: ['usercert\\s+Pending']}}
  - advance: {{by: 2d}}
  - advance: {{by: 8d}}
  - certificate: {{csr: CSR, is: {{validity: valid}}, within: 0s}}
",
        &lab[..begin]
    ));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    for (event, moment) in [
        ("ca: granted the request for `CN = a`, 3d after it came", "2026-01-04T00:0"),
        ("issues from now on", "2026-01-08T12:00:0"),
    ] {
        let line = ended.stdout.lines().find(|line| line.contains(event));
        let line = line.unwrap_or_else(|| panic!("{event}: {}", ended.transcript()));
        assert!(line.trim_start().starts_with(moment), "{line}");
    }
    // What the device did at that moment is listed with it, and not at the end.
    let told = "DUT0: CSR: PKIOperation (CertPoll) was answered SUCCESS";
    let line = ended.stdout.lines().find(|line| line.contains(told)).unwrap();
    assert!(line.trim_start().starts_with("2026-01-04T0"), "{line}");
}

fn stopped_pki_and_link_that_is_down_come_back() {
    let ended = run("  - pki: {do: stop}
  - advance: {by: 293d}
  - certificate: {csr: CSR, is: {serial: same}, within: 0s}
  - run: {command: pki scep show CSR, contains: [connection refused by 10.0.0.1], within: 0s}
  - pki: {do: start}
  - link: {do: down}
  - ping: {address: 10.0.0.1, expect: failure}
  - link: {do: up}
  - ping: {address: 10.0.0.1}
  - advance: {by: 2d}
  - certificate: {csr: CSR, is: {serial: other, validity: valid}, within: 0s}
");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}
