//! What the simulated device says of a server whose TLS handshake goes wrong, in a lab with a PKI of HTTPS.

use std::fmt::Write as _;
use std::fs;

use mock_ca::{Fault, Trigger};

use crate::suite::sceplab::run_in;

/// A lab whose PKI speaks HTTPS with this fault, and a scenario that looks at the device.
fn scenario(fault: &str) -> String {
    format!(
        "\
title: A handshake that goes wrong
lab:
  clock: 2026-01-01T00:00Z
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
  hosts: {{server: {{addresses: [10.0.0.1/24], runs: pki}}}}
  pki:
    pki: {{personality: linux, port: 443, challenge: {{static: scep-challenge}}, tls: {{}}, faults: [{{on: handshake, do: {fault}}}]}}
steps:
  - configure:
      device: DUT0
      set: |
        set interfaces ethernet eth0 address 10.0.0.2/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=r1
        set system certificate scep csr CSR password scep-challenge
        set system certificate scep csr CSR url 'https://10.0.0.1'
  - run: {{device: DUT0, command: pki scep show CSR, matches: ['usercert\\s+Valid']}}
"
    )
}

#[test]
fn device_explains_each_fault_of_the_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for fault in Fault::ALL.iter().filter(|fault| fault.fits(Trigger::Handshake)) {
        fs::write(folder.path().join("a.yaml"), scenario(fault.name())).unwrap();
        let ended = run_in(folder.path(), &["run", "a.yaml"]);
        assert_eq!(ended.code, Some(4), "{}: {}", fault.name(), ended.stdout);
        let line = ended.stdout.lines().find(|line| line.trim_start().starts_with("ca: GetCACaps"));
        let reason = line.unwrap_or_else(|| panic!("{}: {}", fault.name(), ended.stdout)).trim();
        writeln!(told, "{}: {}", fault.name(), reason.split(", next try").next().unwrap()).unwrap();
    }
    insta::assert_snapshot!(told);
}
