//! `pki: {recorded: BUNDLE}` in lab files: the recorded server of a bundle is a PKI of another lab.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use super::sceplab::{Ended, run_in};

/// A password whose words appear nowhere else.
const PASSWORD: &str = "Wiesenknopf-9Rt";

/// The fault of a server whose reply answers another request.
const FAULT: &str = "{on: PKCSReq, do: wrong-recipient-nonce}";

/// The first line of a lab with this PKI, which has a device, and the host of the PKI.
fn lab(pki: &str) -> String {
    format!(
        "devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
hosts: {{server: {{addresses: [10.0.0.1/24], runs: ca}}}}
pki: {{ca: {pki}}}
"
    )
}

fn simulated(faults: &str) -> String {
    let challenge = format!("challenge: {{static: {PASSWORD}}}");
    lab(&format!("{{personality: linux, port: 8080, {challenge}, faults: [{faults}]}}"))
}

/// A scenario in which a device enrols, with further steps.
fn scenario(lab: &str, subject: &str, steps: &str) -> String {
    format!(
        "title: T
lab: {lab}
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN={subject}
        set system certificate scep csr CSR password {PASSWORD}
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url 'http://10.0.0.1'
  - run: {{command: pki scep show CSR, matches: [usercert\\s+Valid], within: 5s}}
{steps}"
    )
}

/// Writes a file below the folder.
fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Runs a scenario with these options whose PKI has these faults.
fn record(folder: &Path, faults: &str, options: &[&str]) -> Ended {
    write(folder, "labs/original.yaml", &simulated(faults));
    write(folder, "a.yaml", &scenario("labs/original.yaml", "MyUserCert", ""));
    run_in(folder, &[&["run", "a.yaml"], options].concat())
}

/// Writes a scenario at a lab whose PKI is recorded.
fn write_recorded(folder: &Path, pki: &str, subject: &str, steps: &str) {
    write(folder, "labs/recorded.yaml", &lab(pki));
    write(folder, "r.yaml", &scenario("labs/recorded.yaml", subject, steps));
}

#[test]
fn recorded_server_fails_in_a_lab_as_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let failed = record(folder.path(), FAULT, &["--bundle", "b"]);
    assert_eq!(failed.code, Some(4), "{}", failed.transcript());
    write_recorded(folder.path(), "{recorded: ../b/a}", "MyUserCert", "");
    let checked = run_in(folder.path(), &["check", "r.yaml", "labs/recorded.yaml"]);
    assert_eq!(checked.code, Some(0), "{}", checked.transcript());
    let again = run_in(folder.path(), &["run", "r.yaml", "--bundle", "b2"]);
    assert_eq!(again.code, Some(4), "{}", again.transcript());
    let cause = "recipientNonce";
    assert!(failed.stdout.contains(cause), "{}", failed.transcript());
    assert!(again.stdout.contains(cause), "{}", again.transcript());
    assert!(
        again.stdout.contains("PKCSReq CertRep SUCCESS (exchange 3, made again)"),
        "{}",
        again.transcript()
    );
    let judged = run_in(folder.path(), &["replay", "b2/r"]);
    let without = "answers from is not there: it is a bundle of its own";
    assert!(judged.stdout.contains(without), "{}", judged.transcript());
    assert!(judged.stdout.contains("agreement: the same as then"), "{}", judged.transcript());
}

#[test]
fn device_enrols_at_a_recorded_server_and_what_differs_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = record(folder.path(), "", &["--save-messages", "m"]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.transcript());
    let steps = "  - scep: {send: GetCACaps, accept: [{http: 200}]}\n";
    write_recorded(folder.path(), "{recorded: ../m/a, port: 8080}", "another", steps);
    let saving = ["--save-messages", "again", "--pcap", "p", "--bundle", "b"];
    let ended = run_in(folder.path(), &[&["run", "r.yaml"], &saving[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let notes = [
        "note: ca, unlike its recording: keys: the certificate of `CN = Teldat-PKI",
        "note: ca, unlike its recording: request: PKCSReq: subject",
        "note: ca, unlike its recording: order: GetCACaps came more often",
    ];
    for note in notes {
        assert!(ended.transcript().contains(note), "{note}\n{}", ended.transcript());
    }
    for saved in ["again", "p"] {
        let explained = run_in(folder.path(), &["explain", &format!("{saved}/r")]);
        assert_eq!(explained.code, Some(0), "{}", explained.transcript());
        assert!(explained.stdout.contains("PKCSReq"), "{}", explained.transcript());
    }
}

#[test]
fn recorded_server_that_is_stopped_refuses_connections() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "", &["--save-messages", "m"]);
    let steps = "  - pki: {do: stop}
  - scep: {send: GetCACaps, accept: [{reply: none}]}
  - pki: {do: start}
  - scep: {send: GetCACaps, accept: [{http: 200}]}
";
    write_recorded(folder.path(), "{recorded: ../m/a}", "MyUserCert", steps);
    let ended = run_in(folder.path(), &["run", "r.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn recording_that_cannot_be_used_is_a_mistake_of_the_lab() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), FAULT, &["--bundle", "b"]);
    let mistakes = |pki: &str| {
        write_recorded(folder.path(), pki, "MyUserCert", "");
        let checked = run_in(folder.path(), &["check", "r.yaml"]);
        assert_eq!(checked.code, Some(2), "{}", checked.transcript());
        assert!(checked.stderr.contains("labs/recorded.yaml:3:"), "{}", checked.transcript());
        checked.stderr
    };
    let missing = mistakes("{recorded: ../nothing}");
    assert!(missing.contains("nothing` cannot be read: "), "{missing}");
    assert!(missing.contains("the path is relative to the lab file"), "{missing}");
    let unknown = mistakes("{recorded: ../b/a, pki: other}");
    assert!(unknown.contains("the recording has no PKI `other`: it has `ca`"), "{unknown}");
    let mixed = mistakes("{recorded: ../b/a, personality: linux}");
    let expected = "`personality` is for a simulated PKI, and `recorded` for a recorded one";
    assert!(mixed.contains(expected), "{mixed}");
    fs::write(folder.path().join("b/a/bundle.json"), "{}").unwrap();
    let broken = mistakes("{recorded: ../b/a}");
    assert!(broken.contains("is not the index of a bundle"), "{broken}");
}

#[test]
fn what_a_recorded_server_cannot_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "", &["--save-messages", "m"]);
    let said = [
        ("approve: {}", "approve a request", "approving requests"),
        ("issued: {count: 1}", "list the certificates that it issued", "listing issued"),
        ("pki: {do: revoke}", "revoke a certificate", "listing issued"),
        ("pki: {do: roll-over}", "let another CA take over", "a rollover of its CA"),
    ];
    for (step, by_check, at_step) in said {
        let step = format!("  - {step}\n");
        write_recorded(folder.path(), "{recorded: ../m/a}", "MyUserCert", &step);
        let checked = run_in(folder.path(), &["check", "r.yaml"]);
        assert_eq!(checked.code, Some(2), "{}", checked.transcript());
        let expected =
            format!("the PKI `ca` is recorded and only answers again: it cannot {by_check}");
        assert!(checked.stderr.contains(&expected), "{}", checked.transcript());
        let ended = run_in(folder.path(), &["run", "r.yaml"]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        assert!(ended.stdout.contains(at_step), "{}", ended.transcript());
        assert!(
            ended.stdout.contains("it is recorded, and only answers again"),
            "{}",
            ended.transcript()
        );
    }
}
