//! The command line: exit codes, and snapshots of what is printed.
//!
//! `INSTA_UPDATE=always cargo test --test suite cli` writes the snapshots anew; what changed is for people to read.

mod console;
mod exit_codes;
mod files;
mod interrupted;
mod reports;
mod runs;
mod terminal;
mod usage;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::sceplab::run_in;

/// What is another at every run, and what stands for it in a snapshot.
const REDACTIONS: [(&str, &str); 11] = [
    (r"[A-Z][a-z]{2} \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+00:00", "<date>"),
    (r"[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4} GMT", "<date>"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[.\d]*(Z|\+00:00)", "<timestamp>"),
    (r"encrypted-password U2FsdGVkX1[0-9A-Za-z+/=]+", "encrypted-password <sealed>"),
    (r"time=\d+(\.\d+)? ms", "time=<milliseconds> ms"),
    (r"= \d+\.\d+/\d+\.\d+/\d+\.\d+/\d+\.\d+ ms", "= <milliseconds> ms"),
    (r"packet loss, time \d+ms", "packet loss, time <milliseconds>ms"),
    (r"\b\d+\.\d+ s\b", "<seconds> s"),
    (r"\b\d+ tries\b", "<number> tries"),
    (r#"time="\d+\.\d+""#, r#"time="<seconds>""#),
    (r"sceplab \d+\.\d+\.\d+", "sceplab <version>"),
];

/// Holds what the binary says against the snapshot of that name.
#[track_caller]
pub(crate) fn assert_told(name: &str, told: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("cli/snapshots");
    for (pattern, name) in REDACTIONS {
        settings.add_filter(pattern, name);
    }
    settings.bind(|| insta::assert_snapshot!(name, told));
}

const LAB: &str = "devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway: {addresses: [10.0.0.1/24], runs: ca}
pki:
  ca: {personality: linux, port: 8080, challenge: {static: hunter2}}
";

/// Other addresses, so that what fits the one lab does not fit the other.
const FAR_LAB: &str = "devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  router: {addresses: [10.0.0.2/24, 10.0.1.2/24], forwards: true}
  gateway: {addresses: [10.0.1.1/24], routes: {default: 10.0.1.2}}
";

const PING: &str = "title: The gateway answers
tags: [quick, network]
lab: labs/lab.yaml
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - ping: {address: 10.0.0.1, count: 2}
";

const TTL: &str = "title: The gateway is one router away
tags: [network]
lab: labs/lab.yaml
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - run:
      name: Ping the gateway
      command: ping 10.0.0.1 count 1 size 56 timeout 1
      matches: ['icmp_seq=1', 'ttl=63 time=']
      within: 0s
";

const CHALLENGE: &str = "title: The device knows the challenge password
tags: [scep]
lab: labs/lab.yaml
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=MyUserCert
        set system certificate scep csr CSR password a-wrong-one
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url 'http://10.0.0.1'
  - run: {command: pki scep show CSR, matches: ['usercert\\s+Failed']}
  - run:
      command: pki scep show CSR
      matches:
        - ca\\s+Valid
        - usercert\\s+Valid
      within: 1s
";

/// A folder with three scenarios, of which one passes.
fn samples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("scenarios/labs/lab.yaml", LAB);
    write("scenarios/labs/far.yaml", FAR_LAB);
    write("scenarios/ping.yaml", PING);
    write("scenarios/ttl.yaml", TTL);
    write("scenarios/scep/challenge.yaml", &CHALLENGE.replace("labs/", "../labs/"));
    folder
}

/// Runs the binary among the samples and holds what it says against the snapshot of that name.
#[track_caller]
fn assert_run(name: &str, arguments: &[&str]) {
    assert_run_in(samples().path(), name, arguments);
}

#[track_caller]
fn assert_run_in(folder: &Path, name: &str, arguments: &[&str]) {
    let ended = run_in(folder, arguments);
    ended.assert_orderly();
    assert_told(name, &ended.told());
}
