//! A scenario, two labs and a ledger for `sceplab matrix`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

pub(crate) const LAB: &str = "title: first
devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway: {addresses: [10.0.0.1/24], runs: ca}
pki:
  ca: {personality: linux, port: 8080, challenge: {static: hunter2}}
";

pub(crate) const SCENARIO: &str = "title: The device enrols
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

/// A ledger entry: the second lab's CA refuses the password that the first one's accepts.
pub(crate) const REFUSED: &str = "expected-failures:
  - scenario: enrol
    pki: second
    client: builtin
    reason: FAILURE, badRequest
    because: its CA knows another password
    source: this test
";

/// A scenario with two labs: the CA of its own lab accepts its password, the CA of the one that stands in refuses it.
pub(crate) fn samples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let second =
        LAB.replace("title: first\n", "stands-in-for: first.yaml\n").replace("hunter2", "hunter3");
    write(folder.path(), "scenarios/labs/first.yaml", LAB);
    write(folder.path(), "scenarios/labs/second.yaml", &second);
    write(folder.path(), "scenarios/enrol.yaml", SCENARIO);
    write(folder.path(), "scenarios/other.yaml", &SCENARIO.replace("[matrix]", "[other]"));
    folder
}

pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
