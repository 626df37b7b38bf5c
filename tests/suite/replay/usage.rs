//! `sceplab replay`: options without effect, recordings without messages, and indexes of another version.

use std::fs;
use std::path::Path;

use super::serve::record;
use crate::suite::sceplab::{Ended, run_in};
use crate::support::server::Server;

fn replay(folder: &Path, arguments: &[&str]) -> Ended {
    run_in(folder, &[&["replay", "m"], arguments].concat())
}

/// A recording without an exchange.
fn record_nothing(folder: &Path) {
    let saved = folder.join("m");
    let server = Server::start(&["linux", "--save-messages", saved.to_str().unwrap()]);
    server.interrupt();
}

#[test]
fn option_without_effect_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    record_nothing(folder.path());
    let at = ["--at", "http://127.0.0.1:1/scep"];
    let refused: [(&[&str], &str); 6] = [
        (&["--challenge", "Some-1"], "`--challenge` has no effect without `--at URL`"),
        (&["--serve", "--challenge", "Some-1"], "`--challenge` has no effect without `--at URL`"),
        (&["--pki", "ca"], "`--pki` has no effect without `--serve` or `--at URL`"),
        (&["--timeout", "3"], "--at <URL>"),
        (&["--poll-pause", "3"], "--at <URL>"),
        (&[at[0], at[1], "--listen", "127.0.0.1:0"], "--listen"),
    ];
    for (arguments, expected) in refused {
        let ended = replay(folder.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?} {}", ended.transcript());
        assert!(ended.stderr.contains(expected), "{arguments:?} {}", ended.transcript());
    }
}

#[test]
fn recording_without_a_message_is_nothing_to_explain_or_replay() {
    let folder = tempfile::tempdir().unwrap();
    record_nothing(folder.path());
    let explained = run_in(folder.path(), &["explain", "m"]);
    assert_eq!(explained.code, Some(2), "{}", explained.transcript());
    let nothing = "the recording has no message, so there is nothing to answer or to send";
    let expected: [(&[&str], &str); 3] = [
        (&[], "`m` is a recording without a message, so there is nothing to judge"),
        (&["--serve"], nothing),
        (&["--at", "http://127.0.0.1:1/scep"], nothing),
    ];
    for (arguments, expected) in expected {
        let ended = replay(folder.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?} {}", ended.transcript());
        assert!(ended.stderr.contains(expected), "{arguments:?} {}", ended.transcript());
    }
}

#[test]
fn version_that_is_no_number_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    record_nothing(folder.path());
    let index = folder.path().join("m/index.json");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replacen("\"version\": 1", "\"version\": \"one\"", 1)).unwrap();
    let ended = replay(folder.path(), &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(
        ended.stderr.contains("its `version` is missing or no whole number"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn head_that_broke_off_is_served_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let messages = folder.path().join("m");
    let head = fs::read_dir(&messages).unwrap().map(|entry| entry.unwrap().path());
    let mut heads = head.filter(|path| path.to_str().unwrap().ends_with("GetCACert-reply.http"));
    let head = heads.next().unwrap();
    fs::write(&head, "HTTP/1.1 200 OK\r\nContent-Ty").unwrap();
    let replayed = super::serve::Replayed::start(folder.path(), &[]);
    let address = replayed.url.strip_prefix("http://").unwrap();
    let (address, path) = address.split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET /{path}?operation=GetCACert HTTP/1.1\r\nHost: {address}\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Ty");
    let log = replayed.interrupt();
    let expected = "GetCACert HTTP 200, whose head breaks off (exchange 2, as recorded)";
    assert!(log.contains(expected), "{log}");
}
