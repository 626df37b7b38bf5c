//! The files of an enrolment: a key and its certificate stay together, whatever ends the run.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use openssl::pkey::PKey;
use openssl::x509::X509;

use super::{PATH, enrol};
use crate::suite::sceplab::{Ended, Running, command, finish, refusing, run_program, wait_until};
use crate::support::server::Server;

/// A limit for the size of files that a key in PEM exceeds: writing fails as on a full disk.
const NO_ROOM: &str = "ulimit -f 1; trap '' XFSZ; exec \"$@\"";

/// The serial number of the certificate, whose key must be the one beside it.
#[track_caller]
fn pair(folder: &Path) -> String {
    let read = |name| fs::read(folder.join(name)).unwrap();
    let key = PKey::private_key_from_pem(&read("key.pem")).unwrap();
    let certificate = X509::from_pem(&read("cert.pem")).unwrap();
    assert!(certificate.public_key().unwrap().public_eq(&key), "the key is another one");
    assert!(read("ca.pem").starts_with(b"-----BEGIN CERTIFICATE"));
    scep::certificate::serial_number(&certificate).unwrap()
}

fn enrol_without_room(folder: &Path, url: &str, more: &[&str]) -> Ended {
    let mut limited = Command::new("sh");
    limited.current_dir(folder).args(["-c", NO_ROOM, "sh", env!("CARGO_BIN_EXE_sceplab")]);
    limited.args(["enrol", url]).args(more);
    let ended = finish(limited);
    ended.assert_orderly();
    ended
}

#[test]
fn renewal_that_cannot_be_written_is_not_requested_and_keeps_the_pair() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(PATH);
    assert_eq!(enrol(folder.path(), &url, &["--out", "r"]).code, Some(0));
    let old = pair(&folder.path().join("r"));
    // Nobody answers there, and nobody is asked.
    let (_socket, nobody) = refusing();
    let out = ["--out", "r", "--renew"];
    let ended = enrol_without_room(folder.path(), &format!("http://{nobody}{PATH}"), &out);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("`r/key.pem`: File too large"), "{}", ended.transcript());
    assert_eq!(pair(&folder.path().join("r")), old);
    assert_eq!(enrol(folder.path(), &url, &out).code, Some(0));
    assert_ne!(pair(&folder.path().join("r")), old);
}

#[test]
fn first_enrolment_without_room_asks_nobody_and_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (_socket, nobody) = refusing();
    let url = format!("http://{nobody}{PATH}");
    let ended = enrol_without_room(folder.path(), &url, &["--out", "a/b"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("`a/b/key.pem`: File too large"), "{}", ended.transcript());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn pair_in_plain_files_is_renewed() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(PATH);
    assert_eq!(enrol(folder.path(), &url, &["--out", "new"]).code, Some(0));
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    fs::create_dir(&old).unwrap();
    for name in ["key.pem", "cert.pem", "ca.pem"] {
        fs::copy(new.join(name), old.join(name)).unwrap();
    }
    fs::write(old.join("notes"), "mine").unwrap();
    let before = pair(&old);
    let renewed = enrol(folder.path(), &url, &["--out", "old", "--renew"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.transcript());
    assert_ne!(pair(&old), before);
    assert_eq!(fs::read(old.join("notes")).unwrap(), b"mine");
}

#[test]
fn key_of_another_certificate_is_found_before_anything_is_sent() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    for out in ["a", "b"] {
        assert_eq!(enrol(folder.path(), &server.url(PATH), &["--out", out]).code, Some(0));
    }
    let key = folder.path().join("a/key.pem");
    fs::remove_file(&key).unwrap();
    fs::copy(folder.path().join("b/key.pem"), &key).unwrap();
    let (_socket, nobody) = refusing();
    let ended = enrol(folder.path(), &format!("http://{nobody}{PATH}"), &["--out", "a", "--renew"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    let told = "the key in `a/key.pem` is not that of the certificate in `a/cert.pem`";
    assert!(ended.stderr.contains(told), "{}", ended.transcript());
}

/// Starts an enrolment, and waits until its request waits for a decision.
fn waiting(server: &mut Server, folder: &Path, more: &[&str]) -> Running {
    let url = server.url(PATH);
    let run = Running::start(command(folder, &[&["enrol", &url], more].concat()));
    server
        .running
        .stdout_line(|line| (line.contains("PENDING") && !line.contains("CertPoll")).then_some(()));
    run
}

/// Decides about the request that waits.
fn decide(server: &mut Server, decision: &str) {
    server.running.write_line(decision);
    let decided = if decision == "approve" { "approved" } else { "denied" };
    server.running.stdout_line(|line| line.starts_with(decided).then_some(()));
}

#[test]
fn killed_renewal_keeps_the_pair_and_the_next_one_succeeds() {
    let mut server = Server::start(&["rfc8894", "--approval", "manual"]);
    let folder = tempfile::tempdir().unwrap();
    let mut first = waiting(&mut server, folder.path(), &["--out", "r"]);
    decide(&mut server, "approve");
    assert_eq!(first.wait().code(), Some(0));
    let old = pair(&folder.path().join("r"));
    let mut killed = waiting(&mut server, folder.path(), &["--out", "r", "--renew"]);
    killed.kill();
    decide(&mut server, "deny");
    assert_eq!(pair(&folder.path().join("r")), old);
    let mut renewed = waiting(&mut server, folder.path(), &["--out", "r", "--renew"]);
    decide(&mut server, "approve");
    assert_eq!(renewed.wait().code(), Some(0));
    assert_ne!(pair(&folder.path().join("r")), old);
}

#[test]
fn certificate_that_cannot_be_written_is_printed_and_its_key_kept() {
    let mut server = Server::start(&["rfc8894", "--approval", "manual"]);
    let folder = tempfile::tempdir().unwrap();
    let mut run = waiting(&mut server, folder.path(), &["--out", "r"]);
    let out = folder.path().join("r");
    // In the place of the certificate there is something else.
    fs::create_dir(out.join(".sceplab/new/cert.pem")).unwrap();
    decide(&mut server, "approve");
    assert_eq!(run.wait().code(), Some(3));
    let (stdout, stderr) = (run.rest_of_stdout(), run.rest_of_stderr());
    assert!(stderr.contains("the certificate was issued, but is not in its place"), "{stderr}");
    assert!(stderr.contains("the new key is in `r/.sceplab/unfinished-1`"), "{stderr}");
    let key = fs::read(out.join(".sceplab/unfinished-1/key.pem")).unwrap();
    let key = PKey::private_key_from_pem(&key).unwrap();
    let pem = &stdout[stdout.find("-----BEGIN CERTIFICATE").unwrap()..];
    let certificate = X509::from_pem(pem.as_bytes()).unwrap();
    assert!(certificate.public_key().unwrap().public_eq(&key));
    // The folder can be used again.
    let mut again = waiting(&mut server, folder.path(), &["--out", "r"]);
    decide(&mut server, "approve");
    assert_eq!(again.wait().code(), Some(0));
    pair(&out);
    assert!(out.join(".sceplab/unfinished-1/key.pem").exists());
}

#[test]
fn two_runs_do_not_write_to_one_folder() {
    let mut server = Server::start(&["rfc8894", "--approval", "manual"]);
    let folder = tempfile::tempdir().unwrap();
    let mut run = waiting(&mut server, folder.path(), &["--out", "r"]);
    let other = enrol(folder.path(), &server.url(PATH), &["--out", "r"]);
    assert_eq!(other.code, Some(3), "{}", other.transcript());
    assert!(other.stderr.contains("`r`: another run is writing to it"), "{}", other.transcript());
    decide(&mut server, "approve");
    assert_eq!(run.wait().code(), Some(0));
    wait_until("the pair is there", || folder.path().join("r/cert.pem").exists());
    pair(&folder.path().join("r"));
}

#[test]
fn file_that_cannot_be_found_out_about_is_no_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("r")).unwrap();
    std::os::unix::fs::symlink("key.pem", folder.path().join("r/key.pem")).unwrap();
    // Nobody answers there, and nobody is asked.
    let (_socket, nobody) = refusing();
    let url = format!("http://{nobody}{PATH}");
    for more in [&["--out", "r"][..], &["--out", "r", "--renew"]] {
        let ended = enrol(folder.path(), &url, more);
        assert!(ended.stderr.contains("`r/key.pem`: Too many levels"), "{}", ended.transcript());
        assert!(folder.path().join("r/key.pem").is_symlink());
    }
}

#[test]
fn folder_that_was_copied_without_its_links_is_refused_with_what_mends_it() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(PATH);
    assert_eq!(enrol(folder.path(), &url, &["--out", "r"]).code, Some(0));
    let (from, to) = (folder.path().join("r"), folder.path().join("copy"));
    run_program("cp", &["-rL", from.to_str().unwrap(), to.to_str().unwrap()]);
    let old = pair(&to);
    let renew = ["--out", "copy", "--renew"];
    let ended = enrol(folder.path(), &url, &renew);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    for told in ["`copy/.sceplab/current` must be a link", "or remove `copy/.sceplab`"] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.transcript());
    }
    assert_eq!(pair(&to), old);
    fs::remove_dir_all(to.join(".sceplab")).unwrap();
    assert_eq!(enrol(folder.path(), &url, &renew).code, Some(0));
    assert_ne!(pair(&to), old);
}
