//! Enrolments by `sceplab enrol`.

use std::fs;
use std::path::Path;

use super::sceplab::{Ended, command, finish, run_in};
use super::serve::{LINUX, Server};

const PATH: &str = "/cgi-bin/pkiclient.exe";
const PASSWORD: &str = "correct-horse-battery";

fn enrol(folder: &Path, url: &str, more: &[&str]) -> Ended {
    let ended = run_in(folder, &[&["enrol", url], more].concat());
    ended.assert_orderly();
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
    ended
}

#[test]
fn key_and_certificates_are_saved_and_renewed() {
    let server = Server::start(&["rfc8894", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let ca = server.fingerprint("ca");
    let url = server.url(PATH);
    let first = ["--challenge", PASSWORD, "--subject", "CN=r1, O=Ex", "--dns", "r1.example"];
    let kept = ["--out", "r1", "--ca-fingerprint", ca];
    let ended = enrol(folder.path(), &url, &[&first[..], &kept].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("subject  CN = r1, O = Ex"), "{}", ended.stdout);
    let key = fs::read(folder.path().join("r1/key.pem")).unwrap();
    assert!(key.starts_with(b"-----BEGIN PRIVATE KEY-----"));
    assert!(fs::read_to_string(folder.path().join("r1/ca.pem")).unwrap().contains("CERTIFICATE"));

    // Another enrolment does not overwrite the key; a renewal needs no password.
    let again = enrol(folder.path(), &url, &[&first[..], &kept].concat());
    assert_eq!(again.code, Some(2), "{}", again.transcript());
    assert!(again.stderr.contains("--renew"), "{}", again.stderr);
    let renewed = enrol(folder.path(), &url, &["--out", "r1", "--ca", "r1/ca.pem", "--renew"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.transcript());
    assert!(renewed.stdout.contains("subject  CN = r1, O = Ex"), "{}", renewed.stdout);
    assert_ne!(fs::read(folder.path().join("r1/key.pem")).unwrap(), key);
}

#[cfg(unix)]
#[test]
fn key_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start(&["linux"]);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    let ended = enrol(folder.path(), &server.url(LINUX), &["--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let mode = |file: &str| {
        let metadata = fs::metadata(folder.path().join("out").join(file)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("key.pem"), 0o600);
}

#[test]
fn refusal_names_its_stage_and_environment_password_is_used() {
    let server = Server::start(&["rfc8894", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(PATH);
    let refused = enrol(folder.path(), &url, &["--challenge", "wrong"]);
    assert_eq!(refused.code, Some(4), "{}", refused.transcript());
    assert!(refused.stderr.contains("FAILURE, badMessageCheck"), "{}", refused.stderr);
    let foreign = enrol(folder.path(), &url, &["--ca-fingerprint", &"00".repeat(32)]);
    assert_eq!(foreign.code, Some(4), "{}", foreign.transcript());
    assert!(foreign.stderr.contains("GetCACert: no CA certificate"), "{}", foreign.stderr);
    let mut command = command(folder.path(), &["enrol", &url]);
    command.env("SCEPLAB_CHALLENGE", PASSWORD);
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn undecided_request_is_given_up() {
    let server = Server::start(&["rfc8894", "--approval", "manual"]);
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &server.url(PATH), &["--poll-within", "0"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stderr.contains("still waits for a decision"), "{}", ended.stderr);
}

#[test]
fn unreachable_ca_exits_with_3_and_invalid_url_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let unreachable = enrol(folder.path(), "http://127.0.0.1:1/scep", &[]);
    assert_eq!(unreachable.code, Some(3), "{}", unreachable.transcript());
    assert!(unreachable.stderr.contains("cannot connect"), "{}", unreachable.stderr);
    for wrong in [&["https://h/scep"][..], &["http://h/", "--ca-fingerprint", "12"]] {
        assert_eq!(enrol(folder.path(), wrong[0], &wrong[1..]).code, Some(2));
    }
}
