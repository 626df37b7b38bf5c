//! Names of files, labs and faults.

use std::fs;

use super::super::folder_of;
use super::{LINES, RUN, assert_refused, scenario};
use crate::suite::sceplab::run_in;

#[test]
fn missing_files_have_suggestions() {
    for (lab, expected) in [
        ("labs/linx-pki.yaml", "did you mean `labs/linux-pki.yaml`?"),
        ("labs/linux-pki", "did you mean `labs/linux-pki.yaml`?"),
        ("linux-pki.yaml", "did you mean `labs/linux-pki.yaml`?"),
        ("labs/linux-pki.yml", "did you mean `labs/linux-pki.yaml`?"),
    ] {
        let text = scenario(LINES, RUN).replace("labs/linux-pki.yaml", lab);
        assert_refused(&text, &[expected]);
    }
    let folder = folder_of("fw/scep/08-https");
    let lab = ["run", "fw/scep/08-https.yaml", "--lab", "linx-pki.yaml"];
    let output = run_in(folder.path(), &lab).transcript();
    assert!(output.contains("did you mean `scenarios/labs/linux-pki.yaml`?"), "{output}");
    for (path, expected) in [
        ("fw/scep/08-https", "did you mean `fw/scep/08-https.yaml`?"),
        ("fw/scep/08-htps.yaml", "did you mean `fw/scep/08-https.yaml`?"),
        ("fw/scp", "did you mean `fw/scep`?"),
    ] {
        for command in ["check", "run", "list"] {
            let output = run_in(folder.path(), &[command, path]).transcript();
            assert!(output.contains(expected), "{output}");
        }
    }
}

#[test]
fn file_that_is_named_twice_is_checked_once() {
    let folder = folder_of("m00-good");
    fs::write(folder.path().join("labs/wrong.yaml"), "hosts: {a: {addresses: [10.0.0.300/24]}}\n")
        .unwrap();
    fs::create_dir(folder.path().join("targets")).unwrap();
    fs::write(folder.path().join("targets/t.yaml"), "title: T\nparallel: many\n").unwrap();
    for paths in [
        ["labs/wrong.yaml", "labs/wrong.yaml"],
        ["labs/wrong.yaml", "./labs/wrong.yaml"],
        [".", "targets/t.yaml"],
    ] {
        let output = run_in(folder.path(), &["check", paths[0], paths[1]]).transcript();
        assert_eq!(output.matches("error: ").count(), 1, "{output}");
    }
}

#[test]
fn lab_that_replaces_no_lab_is_found_by_check() {
    let folder = folder_of("m00-good");
    let right = fs::read_to_string(folder.path().join("labs/linux-scepserver.yaml")).unwrap();
    let wrong = right.replace("stands-in-for: linux-pki.yaml", "stands-in-for: linx-pki.yaml");
    assert_ne!(right, wrong);
    fs::write(folder.path().join("labs/wrong.yaml"), wrong).unwrap();
    let output = run_in(folder.path(), &["check", "labs/wrong.yaml"]).transcript();
    assert!(
        output.contains("exit code: 2") && output.contains("did you mean `linux-pki.yaml`?"),
        "{output}"
    );
    let output = run_in(folder.path(), &["check", "labs/linux-scepserver.yaml"]).transcript();
    assert!(output.contains("1 lab in order"), "{output}");
}

#[test]
fn unknown_fault_of_a_served_ca_has_suggestions() {
    for (fault, expected) in [
        ("wrong-nonce", "did you mean `wrong-recipient-nonce`?"),
        ("empty-bdy", "did you mean `empty-body`?"),
        ("expired", "did you mean `ca-expired` or `ra-expired`?"),
        ("http-status 99", "`http-status` takes "),
    ] {
        let rule = format!("on: PKIOperation, do: {fault}");
        let folder = folder_of("m00-good");
        let output = run_in(folder.path(), &["serve", "linux", "--fault", &rule]).transcript();
        assert!(
            output.starts_with("exit code: 2") && output.contains(expected),
            "{fault}\n{output}"
        );
    }
}

#[test]
fn unknown_fault_has_suggestions() {
    for (fault, expected) in [
        ("wrong-nonce", "did you mean `wrong-recipient-nonce`?"),
        ("empty-bdy", "did you mean `empty-body`?"),
        ("signature", "did you mean "),
        ("expired-ca", "did you mean `ca-expired`?"),
        ("http-503", "known: "),
    ] {
        let lab = format!(
            "hosts: {{gateway: {{addresses: [10.0.0.1/24], runs: pki}}}}\npki: {{pki: {{personality: linux, faults: [{{on: PKCSReq, do: {fault}}}]}}}}\n"
        );
        let folder = folder_of("m00-good");
        fs::write(folder.path().join("labs/faulty.yaml"), lab).unwrap();
        let output = run_in(folder.path(), &["check", "labs/faulty.yaml"]).transcript();
        assert!(output.contains(expected), "{fault}\n{output}");
    }
}
