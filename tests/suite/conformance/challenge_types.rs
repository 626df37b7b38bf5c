//! The challenge password in cases: passwords that a string type cannot have, and renewals that are granted with one alone.

use crate::suite::sceplab::{Ended, command, finish, workspace};
use crate::suite::serve::Server;

#[track_caller]
fn conform(password: &str, case: &str) -> Ended {
    let server = Server::start(&["linux", "--challenge", password]);
    let mut conform =
        command(workspace(), &["conform", &server.url("/scep"), "--case", case, "-v"]);
    conform.env("SCEPLAB_CHALLENGE", password);
    finish(conform)
}

#[test]
fn case_is_skipped_if_the_password_cannot_have_the_string_type() {
    for (password, case, name) in [
        ("sec_ret", "challenge/printable", "PrintableString"),
        ("secr@t", "challenge/printable", "PrintableString"),
        ("s\u{e9}cret", "challenge/printable", "PrintableString"),
        ("s\u{e9}cret", "challenge/ia5", "IA5String"),
        ("secret\u{1f511}", "challenge/bmp", "BMPString"),
    ] {
        let ended = conform(password, case);
        let reason = format!(
            "the challenge password has a character that no {name} has, so it cannot be sent as one"
        );
        assert!(ended.stdout.contains("skip "), "{}", ended.stdout);
        assert!(ended.stdout.contains(&reason), "{}", ended.stdout);
        assert!(!ended.transcript().contains(password), "{}", ended.transcript());
    }
}

#[test]
fn request_is_shown_with_the_string_type_of_its_password() {
    for (password, case, name) in [
        ("secret", "challenge/printable", "PrintableString"),
        ("secret", "challenge/bmp", "BMPString"),
        ("sec_ret", "challenge/ia5", "IA5String"),
        ("secret", "enrolment/pkcs-req", "PrintableString"),
        ("sec_ret", "enrolment/pkcs-req", "UTF8String"),
    ] {
        let ended = conform(password, case);
        let shown = format!("challenge password **** as {name}");
        assert!(ended.stdout.contains(&shown), "{case}: {}", ended.stdout);
    }
}

/// Notes on a renewal that is refused without the challenge password and sent again with it, at a server with these faults.
fn notes(faults: &str) -> Vec<String> {
    let text = format!(
        "title: T
lab: {{pki: {{ca: {{personality: linux, challenge: {{static: a-s3cret}}, faults: [{faults}]}}}}}}
steps:
  - scep: {{pki: ca, send: PKCSReq, accept: [{{status: SUCCESS}}]}}
  - scep:
      pki: ca
      send: RenewalReq
      subject: CN=another
      retry-with-challenge: true
      accept: [{{status: SUCCESS}}, {{http: 404}}]
"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let report = ["--report", "json=report.json"];
    let ended = finish(command(folder.path(), &[&["run", "a.yaml"], &report[..]].concat()));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let report = std::fs::read(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    serde_json::from_value(report["scenarios"][0]["notes"].clone()).unwrap()
}

#[test]
fn only_a_renewal_that_is_granted_with_the_password_is_called_granted() {
    let note = "it is refused without the challenge password, and granted with it";
    assert_eq!(notes(""), [note]);
    assert_eq!(notes("{on: RenewalReq, nth: 2, do: http-status 404}"), Vec::<String>::new());
}
