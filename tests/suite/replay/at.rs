//! `sceplab replay BUNDLE --at URL`: the recorded requests at another server.

use std::io::{Read, Write};
use std::net::TcpListener;
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
fn pause_before_a_poll_is_that_of_the_recording_up_to_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &["--fault", "on: PKCSReq, do: pending 1"]);
    // As if the client had waited for an hour and longer before it polled.
    let index = folder.path().join("m/index.json");
    let mut json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&index).unwrap()).unwrap();
    let poll = json["exchanges"].as_array_mut().unwrap().last_mut().unwrap();
    for field in ["at", "replied_at"] {
        poll[field] = "2100-01-01T00:00:00Z".into();
    }
    std::fs::write(&index, json.to_string()).unwrap();
    let server = Server::start(&["linux", "--challenge", PASSWORD, "--approval", "manual"]);
    let ended = replay(folder.path(), &server.url(LINUX), &["--poll-pause", "0"]);
    let note = "before it, and here it was 0 s: an approval meanwhile may be missing";
    assert!(ended.stdout.contains(note), "{}", ended.transcript());
}

#[test]
fn redirection_is_told_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut request) = (stream.unwrap(), [0; 4096]);
            let _ = stream.read(&mut request);
            let answer = "HTTP/1.1 302 Found\r\nLocation: /pki/scep\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let ended = replay(folder.path(), &url, &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let told = "note: the server redirects to `/pki/scep`, which is not followed";
    assert!(ended.stdout.contains(told), "{}", ended.transcript());
}

#[test]
fn server_that_cannot_be_reached_ends_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let (_socket, address) = refusing();
    let ended = replay(folder.path(), &format!("http://{address}/scep"), &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
}
