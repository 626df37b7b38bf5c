//! Target files: a known deviation does not fail a run, a gone one is reported, an expired one fails.

use std::fs;

use crate::suite::sceplab::{Ended, command, finish, run_in, workspace};
use crate::suite::serve::Server;

/// Runs two cases with this target file at a server like scepserver, which accepts single DES and announces its digests.
fn conform(target: &str) -> Ended {
    let server = Server::start(&["linux", "--challenge", "s3cret-for-all"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("target.yaml");
    fs::write(&file, format!("title: mine\nurl: {}\n{target}", server.url("/scep"))).unwrap();
    let cases =
        ["--reveal-challenge", "--case", "algorithms/des", "--case", "discovery/get-ca-caps"];
    let target = ["--target", file.to_str().unwrap()];
    let mut command = command(workspace(), &[&["conform"], cases.as_slice(), &target].concat());
    command.env("SCEPLAB_CHALLENGE", "s3cret-for-all");
    finish(command)
}

fn deviation(case: &str, until: &str) -> String {
    format!(
        "deviations:\n- {{case: conformance/server/{case}, reason: it is old, source: seen{until}}}\n"
    )
}

#[test]
fn known_deviation_does_not_fail_the_run() {
    let ended = conform(&deviation("algorithms/des", ", until: 2999-12-31"));
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let told =
        "known  R06 MUST   conformance/server/algorithms/des: it is old (seen; until 2999-12-31)";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn expired_deviation_fails_the_run() {
    let ended = conform(&deviation("algorithms/des", ", until: 2020-01-01"));
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    assert!(ended.stdout.contains("no longer excused: it is old"), "{}", ended.stdout);
}

#[test]
fn gone_deviation_is_reported() {
    let ended = conform(&deviation("discovery/get-ca-caps", ""));
    assert!(ended.stdout.contains("gone   R01"), "{}", ended.stdout);
}

#[test]
fn pki_that_differs_from_its_target_file_is_not_tested() {
    let ended = conform(&format!("ca-fingerprint: {}\n", "ab".repeat(32)));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("it is another PKI"), "{}", ended.stderr);
    let ended = conform("capabilities: [AES]\n");
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("its target file says AES; it has also `DES3`, "),
        "{}",
        ended.stderr
    );
}

#[test]
fn mistakes_in_a_target_file_are_reported_with_their_place() {
    let ended = conform("deviations:\n- {case: a, reazon: b}\nparalel: 2\n");
    assert_eq!(ended.code, Some(2));
    for part in ["did you mean `reason`?", "did you mean `parallel`?", "lacks the field `source`"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

/// Runs `sceplab check` with these paths in a folder with a case and these target files.
fn checked(targets: &[(&str, &str)], paths: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let case = "title: T
conformance: {requirement: R05, end: server}
lab: {pki: {pki: {personality: rfc8894}}}
steps:
  - scep: {send: GetCACaps, accept: [{http: 200}]}
";
    for (path, text) in [&[("scenarios/conformance/server/a/b.yaml", case)], targets].concat() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let ended = run_in(folder.path(), &[&["check"], paths].concat());
    ended.assert_orderly();
    ended
}

#[test]
fn check_reads_a_file_as_what_its_keys_say() {
    let files = [
        ("mine.yaml", "title: A\nparallel: 2\n"),
        ("known.yaml", "expected-failures: []\n"),
        ("net.yaml", "pki: {ca: {personality: rfc8894}}\n"),
    ];
    let ended = checked(&files, &["mine.yaml", "known.yaml", "net.yaml"]);
    assert_eq!(ended.stdout, "1 lab, 1 target file and 1 ledger in order\n", "{ended:?}");
    for (text, mistake) in [
        ("title: A\nparallel: many\n", "expected a number of cases"),
        ("expected-failures: [{}]\n", "an expected failure lacks `stage` or `reason`"),
        ("pki: {ca: {personality: unix}}\n", "`unix`"),
    ] {
        let ended = checked(&[("wrong.yaml", text)], &["wrong.yaml"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(mistake), "{mistake}: {ended:?}");
        assert!(!ended.stderr.contains("lacks the field `steps`"), "{ended:?}");
    }
}

#[test]
fn check_reads_target_files_and_shows_their_mistakes_at_their_place() {
    let right = "title: A\ndeviations:\n- {case: conformance/server/a/b, reason: c, source: d}\n";
    let right = [("scenarios/targets/a.yaml", right)];
    let ended = checked(&right, &[]);
    assert_eq!(ended.stdout, "1 scenario and 1 target file in order\n", "{}", ended.transcript());
    let ended = checked(&right, &["scenarios/targets/a.yaml"]);
    assert_eq!(ended.stdout, "1 target file in order\n", "{}", ended.transcript());

    let misread = [("scenarios/targets/a.yaml", "title: A\nparallel: many\n")];
    let misspelt =
        "title: A\ndeviations:\n- {case: conformance/server/a/c, reason: c, source: d}\n";
    let misspelt = [("scenarios/targets/a.yaml", misspelt)];
    for (targets, place, told) in [
        (misread, "scenarios/targets/a.yaml:2:11", "a number of cases, 1 or more"),
        (misspelt, "scenarios/targets/a.yaml:3:10", "did you mean `conformance/server/a/b`?"),
    ] {
        let ended = checked(&targets, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.transcript());
        for part in [place, told] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
    // If only a target file is checked, the ids of cases are unknown.
    for paths in [&["scenarios/targets/a.yaml"][..], &["scenarios/targets"]] {
        let ended = checked(&misspelt, paths);
        assert_eq!(ended.stdout, "1 target file in order\n", "{}", ended.transcript());
    }
}

/// A case whose id changed, with this URL as the target's.
fn renamed_case(server: &Server) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let case = "title: T
conformance: {requirement: R01, end: server, was: conformance/server/old/name}
lab: {pki: {pki: {personality: rfc8894}}}
steps:
  - scep: {send: GetCACaps, accept: [{http: 404}]}
";
    let target = format!(
        "title: mine\nurl: {}\n{}",
        server.url("/scep"),
        deviation("old/name", ", until: 2999-12-31")
    );
    for (path, text) in [
        ("scenarios/conformance/server/new/name.yaml", case),
        ("scenarios/targets/mine.yaml", &target),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn former_id_of_a_case_still_names_it() {
    let server = Server::start(&["rfc8894"]);
    let folder = renamed_case(&server);
    let target = ["conform", "--target", "scenarios/targets/mine.yaml"];
    for selected in ["old/name", "conformance/server/old/name", "new/name"] {
        let ended = run_in(folder.path(), &[&target[..], &["--case", selected]].concat());
        assert_eq!(ended.code, Some(0), "{selected}: {}", ended.transcript());
        let line = "known  R01 MUST   conformance/server/new/name: it is old";
        assert!(ended.stdout.contains(line), "{selected}: {}", ended.transcript());
    }
    let checked = run_in(folder.path(), &["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.transcript());
}

#[test]
fn misspelt_names_on_the_command_line_are_recognised() {
    let url = "http://127.0.0.1:1/scep";
    let path = "scenarios/conformance/server/attributes/nonce-long.yaml";
    for (option, value, told) in [
        ("--target", "scenarios/targets/linx.yaml", "did you mean `scenarios/targets/linux.yaml`?"),
        ("--case", path, "did you mean `conformance/server/attributes/nonce-long`?"),
        ("--requirement", "R31,R32", "several are given one by one"),
    ] {
        let ended = run_in(workspace(), &["conform", url, "--dry-run", option, value]);
        assert_ne!(ended.code, Some(0), "{}", ended.transcript());
        assert!(ended.stderr.contains(told), "lacks `{told}`: {}", ended.transcript());
    }
    let ended = run_in(workspace(), &["serve", "linux", "--fault", "on: PKCSreq, do: pending"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("; did you mean `PKCSReq`?"), "{}", ended.transcript());
}
