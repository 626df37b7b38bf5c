//! `sceplab replay BUNDLE --at URL`: the recorded requests at another server.

use std::path::Path;

use super::SNAPSHOTS;
use super::serve::{PASSWORD, record};
use crate::suite::sceplab::{Ended, refusing, run_in};
use crate::support::server::{LINUX, Server};
use crate::support::snapshots::assert_output_of;

fn replay(folder: &Path, url: &str, arguments: &[&str]) -> Ended {
    let whole = [&["replay", "m", "--at", url, "--challenge", PASSWORD], arguments].concat();
    run_in(folder, &whole)
}

#[test]
fn server_that_behaves_as_the_recorded_one_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let ended = replay(folder.path(), &server.url(LINUX), &[]);
    assert_output_of(SNAPSHOTS, "at-same", &ended.transcript());
}

#[test]
fn server_that_behaves_otherwise_differs() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let fault = "on: PKCSReq, do: wrong-recipient-nonce";
    let server = Server::start(&["linux", "--challenge", "another-1", "--fault", fault]);
    let ended = replay(folder.path(), &server.url(LINUX), &[]);
    assert_output_of(SNAPSHOTS, "at-other", &ended.transcript());
    let json = replay(folder.path(), &server.url(LINUX), &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["differing"], &json["not_sent"]), (&1.into(), &0.into()), "{json}");
}

#[test]
fn polls_are_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &["--fault", "on: PKCSReq, do: pending 1"]);
    let server = Server::start(&["linux", "--challenge", PASSWORD, "--approval", "manual"]);
    let ended = replay(folder.path(), &server.url(LINUX), &[]);
    // The recorded client polled once and got its certificate; nobody approves here.
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        ended.stdout.contains("CertPoll: recorded was CertRep SUCCESS, now it is CertRep PENDING"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn server_that_cannot_be_reached_ends_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let (_socket, address) = refusing();
    let ended = replay(folder.path(), &format!("http://{address}/scep"), &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
}
