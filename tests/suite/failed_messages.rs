//! The last messages with a PKI in the explanation of a failure.
#![cfg(unix)]

use std::fs;

use serde_json::Value;

use super::saved_messages::{PASSWORD, scenario};
use super::sceplab::{Ended, run_in, workspace};

const SCEPLAB: &str = env!("CARGO_BIN_EXE_sceplab");

/// Runs a scenario that fails, with these further options.
fn failed(text: &str, options: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let ended = run_in(folder.path(), &[&["run", "a.yaml"], options].concat());
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
    ended
}

/// The same enrolment with another password than that of the CA.
fn refused() -> String {
    scenario("linux", "").replace(&format!("CSR password {PASSWORD}"), "CSR password other-word-9")
}

/// The lines of an explanation from the request on, up to the position.
fn messages(ended: &Ended) -> Vec<&str> {
    let lines = ended.stdout.lines().map(str::trim);
    let from_request = lines.skip_while(|line| !line.starts_with("= request"));
    from_request.take_while(|line| !line.starts_with("= in step")).collect()
}

#[test]
fn refusal_shows_request_and_reply_in_short() {
    let ended = failed(&refused(), &[]);
    let lines = messages(&ended);
    assert_eq!(lines.len(), 4, "{}", ended.transcript());
    assert!(lines[0].starts_with("= request to ca: PKCSReq, transaction "), "{lines:?}");
    let expected = "subject CN = MyUserCert; signed with SHA-256 by CN = MyUserCert (self-signed); enciphered with AES-128 to ";
    assert!(lines[1].starts_with(expected), "{lines:?}");
    assert!(lines[2].starts_with("= reply of ca: CertRep, FAILURE, badRequest"), "{lines:?}");
    assert!(lines[3].starts_with("signed with SHA-256 by "), "{lines:?}");
}

#[test]
fn verbose_failure_shows_the_layers_of_its_messages() {
    let ended = failed(&refused(), &["-v"]);
    let lines = messages(&ended);
    for layer in ["pkiMessage: PKCSReq", "signer's certificate: ", "pkcsPKIEnvelope: "] {
        assert!(lines.iter().any(|line| line.starts_with(layer)), "{layer}: {lines:#?}");
    }
}

#[test]
fn request_is_opened_with_the_key_of_the_lab_and_names_no_option_of_explain() {
    let run = failed(&refused(), &["-v"]);
    let arguments = ["conform-client", "-v", "--no-gate", "--case", "enrolment/right", "--"];
    let client = [SCEPLAB, "enrol", "{url}", "--challenge", "other-word-9"];
    let conform = run_in(workspace(), &[&arguments[..], &client].concat());
    for ended in [run, conform] {
        let lines = messages(&ended);
        for words in ["opened ", "CertificationRequest: ", "challengePassword "] {
            assert!(lines.iter().any(|line| line.starts_with(words)), "{words}: {lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("would open it")), "{lines:#?}");
        for option in ["--key", "--state", "--pkcs12", "--ca", "--show-secrets"] {
            assert!(!lines.iter().any(|line| line.contains(option)), "{option}: {lines:#?}");
        }
    }
}

#[test]
fn report_has_the_messages_as_fields() {
    let ended = failed(&refused(), &["--report", "json=-"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let messages = &report["scenarios"][0]["verdict"]["messages"];
    assert_eq!(messages[0]["pki"], "ca", "{messages}");
    assert_eq!(messages[0]["what"], "PKCSReq", "{messages}");
    assert_eq!(messages[0]["sender"], "client", "{messages}");
    assert_eq!(messages[1]["pki_status"], "FAILURE", "{messages}");
    assert_eq!(messages[1]["refusal"], "badRequest", "{messages}");
    assert_eq!(messages[0]["transaction_id"], messages[1]["transaction_id"], "{messages}");
    assert!(messages[2].is_null(), "{messages}");
}

#[test]
fn wrong_reply_is_told_with_what_is_wrong_in_it() {
    let ended = failed(&scenario("linux", "{on: PKCSReq, do: wrong-recipient-nonce}"), &[]);
    let lines = messages(&ended);
    let wrong = lines.iter().find(|line| line.starts_with("WRONG: ")).unwrap();
    assert!(wrong.contains("the reply's recipientNonce is"), "{lines:?}");
}

#[test]
fn answer_that_is_no_scep_is_told() {
    let ended = failed(&scenario("linux", "{on: GetCACert, do: http-status 503}"), &[]);
    let lines = messages(&ended);
    assert!(lines[0].starts_with("= request to ca: GetCACert"), "{lines:?}");
    assert!(lines[1].starts_with("= reply of ca: HTTP 503"), "{lines:?}");
}

#[test]
fn connection_without_a_reply_is_told() {
    let ended = failed(&scenario("linux", "{on: PKCSReq, do: close-connection}"), &[]);
    let lines = messages(&ended);
    assert!(lines.iter().any(|line| line.starts_with("= reply of ca: no reply came")), "{lines:?}");
}

#[test]
fn granted_enrolment_is_no_reason_of_a_failure() {
    let text = scenario("linux", "").replace("usercert\\s+Valid", "no such word");
    let ended = failed(&text, &[]);
    assert_eq!(messages(&ended), [""; 0], "{}", ended.transcript());
}

#[test]
fn client_that_fails_a_case_is_shown_its_messages() {
    let arguments = ["conform-client", "--no-gate", "--case", "enrolment/right", "--"];
    let client = [SCEPLAB, "enrol", "{url}", "--challenge", "other-word-9"];
    let ended = run_in(workspace(), &[&arguments[..], &client].concat());
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let lines = messages(&ended);
    assert!(lines[0].contains(": PKCSReq, transaction "), "{}", ended.transcript());
    assert!(lines[2].contains(": CertRep, FAILURE, "), "{}", ended.transcript());
}
