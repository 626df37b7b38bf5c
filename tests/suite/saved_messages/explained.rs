//! What `sceplab explain` says about saved messages: one recording, several, and damaged ones.

use std::fs;
use std::path::Path;

use super::{Ended, LINUX, PASSWORD, RUN, Server, run, run_in, scenario};
use crate::suite::sceplab::run as sceplab;

#[test]
fn saved_messages_and_the_capture_are_explained_alike() {
    let folder = tempfile::tempdir().unwrap();
    let text = scenario("linux", "{on: PKIOperation, do: wrong-recipient-nonce}");
    let ended = run(folder.path(), &[&RUN[..], &["--pcap", "p"]].concat(), &text);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for (source, place) in
        [("m", "m/a, exchange 3: saved messages of a"), ("p/a/10.0.0.0-24.pcap", "pcap")]
    {
        let ended = run_in(folder.path(), &["explain", source]);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        let first = ended.stdout.lines().next().unwrap();
        assert!(
            first.starts_with("the server is wrong: in #6 (CertRep): the reply's recipientNonce"),
            "{first}"
        );
        assert!(ended.stdout.contains(place), "{}", ended.stdout);
        assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
    }
}

#[test]
fn ca_that_its_former_key_has_signed_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let messages = folder.path().join("m").display().to_string();
    let scenario = "scenarios/lifecycle/old-ca-beside-the-new-one.yaml";
    let ended = sceplab(&["run", scenario, "--save-messages", &messages]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let ended = sceplab(&["explain", &messages]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn recording_without_a_message_is_explained_as_such() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing listens at port 1.
    let url = "http://127.0.0.1:1/scep";
    let ended = run_in(folder.path(), &["enrol", url, "--save-messages", "m"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let ended = run_in(folder.path(), &["explain", "m"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    let words = "`m` is a recording of `enrol` without a message: no connection was made";
    assert!(ended.stderr.contains(words), "{}", ended.transcript());
}

/// A folder with the saved messages `m` of an enrolment.
fn enrolled() -> tempfile::TempDir {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(LINUX);
    let arguments = ["enrol", &url, "--challenge", PASSWORD, "--save-messages", "m"];
    let ended = run_in(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    folder
}

#[test]
fn each_of_several_recordings_has_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let good = scenario("linux", "");
    let bad = scenario("linux", "{on: PKIOperation, do: wrong-recipient-nonce}");
    fs::write(folder.path().join("b.yaml"), bad).unwrap();
    let arguments = ["run", "a.yaml", "b.yaml", "--save-messages", "m"];
    let ended = run(folder.path(), &arguments, &good);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for arguments in [&["explain", "m"][..], &["explain", "m/a", "m/b"]] {
        let ended = run_in(folder.path(), arguments);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        let lines: Vec<&str> = ended.stdout.lines().collect();
        let [a, b, "", last] = lines[..] else { panic!("{}", ended.transcript()) };
        assert!(a.starts_with("m/a  nothing wrong was seen: "), "{a}");
        assert!(
            b.starts_with("m/b  the server is wrong: in #6 (CertRep): the reply's recipient"),
            "{b}"
        );
        assert_eq!(last, "All messages of one: `sceplab explain m/b`");
    }
    let ended = run_in(folder.path(), &["explain", "m", "--json"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(summary["recordings"][0]["recording"], "m/a");
    assert_eq!(summary["recordings"][0]["verdict"]["at_fault"], "nobody");
    assert_eq!(summary["recordings"][1]["verdict"]["at_fault"], "server");
    // A damaged one is named, and the others are explained.
    fs::write(folder.path().join("m/b/index.json"), "").unwrap();
    let ended = run_in(folder.path(), &["explain", "m"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stdout.contains("m/b  cannot be read\n"), "{}", ended.transcript());
    assert!(ended.stderr.contains("index.json cannot be used: `m/b/"), "{}", ended.stderr);
}

/// A recording with this many exchanges, which are one exchange again and again.
fn long_recording(folder: &Path, count: usize) {
    let index = folder.join("m/index.json");
    let text = fs::read_to_string(&index).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = value["exchanges"][0].clone();
    value["exchanges"] = vec![first; count].into();
    fs::write(&index, value.to_string()).unwrap();
}

#[test]
fn long_recording_is_explained_up_to_the_limit() {
    let folder = enrolled();
    long_recording(folder.path(), 1200);
    let ended = run_in(folder.path(), &["explain", "m"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let words = "200 saved exchanges after this one were not looked at, because 1000 are the limit";
    assert!(ended.stdout.contains(words), "{}", ended.stderr);
}

#[test]
fn damaged_index_is_named_and_nothing_is_guessed() {
    let folder = enrolled();
    let index = folder.path().join("m/index.json");
    let whole = fs::read_to_string(&index).unwrap();
    let outside = whole.replace("003-PKCSReq-reply.der", "../003-PKCSReq-reply.der");
    let missing = whole.replace("003-PKCSReq-reply.der", "004-PKCSReq-reply.der");
    for damaged in [&whole[..whole.len() / 2], "", &outside, &missing] {
        fs::write(&index, damaged).unwrap();
        let ended = run_in(folder.path(), &["explain", "m"]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let words = "error: index.json cannot be used: `m/";
        assert!(ended.stderr.starts_with(words), "{}", ended.transcript());
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn index_of_another_program_does_not_hide_the_messages_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("m");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("index.json"), "{\"pages\": []}").unwrap();
    fs::write(other.join("caps.http"), "HTTP/1.1 200 OK\r\n\r\nAES\nPOSTPKIOperation\n").unwrap();
    let ended = run_in(folder.path(), &["explain", "m"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("POSTPKIOperation"), "{}", ended.transcript());
}

#[test]
fn heads_and_bodies_without_an_index_are_put_together() {
    let folder = enrolled();
    let with_index = run_in(folder.path(), &["explain", "m"]);
    fs::remove_file(folder.path().join("m/index.json")).unwrap();
    let ended = run_in(folder.path(), &["explain", "m", "--all"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let first = |ended: &Ended| ended.stdout.lines().next().unwrap().to_owned();
    assert_eq!(first(&ended), first(&with_index));
    assert!(!ended.stdout.contains("an empty body"), "{}", ended.stdout);
    assert!(ended.stdout.contains("its body in a file beside it"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("#7"), "{}", ended.stdout);
}
