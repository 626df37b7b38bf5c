//! Single messages, whole and broken, and what is none.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{assert_snapshot, captures, explain, first_line};

/// The body of a recorded message.
fn body(file: &str) -> Vec<u8> {
    let bytes = fs::read(captures().join(file)).unwrap();
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    bytes[head + 4..].to_vec()
}

const REQUEST: &str = "sceplab-at-rfc8894/03-PKIOperation-request.http";
const REPLY: &str = "sceplab-at-rfc8894/03-PKIOperation-reply.http";
const TIME: [&str; 2] = ["--at", "2026-11-29T12:46:40Z"];

/// Explains bytes in a file of this name.
fn explained(name: &str, bytes: &[u8], more: &[&str]) -> super::Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    let mut ended = explain(&[&[path.as_str()], &TIME[..], more].concat());
    ended.stdout = ended.stdout.replace(&path, name);
    ended
}

#[test]
fn closed_envelope_says_whose_key_opens_it() {
    let ended = explained("request.der", &body(REQUEST), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let words = "no: the private key that belongs to the certificate";
    assert!(ended.stdout.contains(words), "{}", ended.stdout);
}

#[test]
fn challenge_password_is_shown_on_request_alone() {
    let key = ["--key", "keys/rfc8894/ca.key"];
    let masked = explained("request.der", &body(REQUEST), &key);
    assert!(!masked.transcript().contains("capture-challenge"), "{}", masked.transcript());
    assert!(masked.stdout.contains("****"), "{}", masked.stdout);
    let shown = explained("request.der", &body(REQUEST), &[&key[..], &["--show-secrets"]].concat());
    assert!(shown.stdout.contains("`capture-challenge`"), "{}", shown.transcript());
    for format in ["--json", "--asn1"] {
        let masked = explained("request.der", &body(REQUEST), &[&key[..], &[format]].concat());
        assert!(!masked.transcript().contains("capture-challenge"), "{}", masked.transcript());
    }
}

#[test]
fn truncated_message_is_read_as_far_as_it_goes() {
    let whole = body(REPLY);
    let ended = explained("reply.der", &whole[..whole.len() / 2], &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert_snapshot("truncated", &ended);
}

#[test]
fn message_with_replaced_bytes_names_the_cause() {
    let text = String::from_utf8_lossy(&body(REPLY)).into_owned();
    let ended = explained("reply.der", text.as_bytes(), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("took it for UTF-8 text"), "{}", ended.stdout);
}

#[test]
fn message_with_other_line_ends_names_the_cause() {
    let mut changed = Vec::new();
    for byte in body(REPLY) {
        if byte == b'\n' {
            changed.push(b'\r');
        }
        changed.push(byte);
    }
    let ended = explained("reply.der", &changed, &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("has a carriage return before it"), "{}", ended.stdout);
}

#[test]
fn bytes_after_the_message_are_told() {
    let ended = explained("reply.der", &[&body(REPLY)[..], &[0; 16]].concat(), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("16 bytes follow the end of the structure"), "{}", ended.stdout);
    assert!(ended.stdout.contains("pkiMessage: CertRep"), "{}", ended.stdout);
}

#[test]
fn reply_in_base64_is_wrong_and_read() {
    let encoded = STANDARD.encode(body(REPLY));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-pki-message\r\n\r\n";
    let ended = explained("reply.http", format!("{head}{encoded}").as_bytes(), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        first_line(&ended).starts_with("the server is wrong: it is in base64"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("pkiMessage: CertRep"), "{}", ended.stdout);
}

#[test]
fn web_page_in_place_of_a_reply_is_named() {
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><title>Sign in</title></html>";
    let folder = tempfile::tempdir().unwrap();
    let reply = folder.path().join("reply.http");
    fs::write(&reply, page).unwrap();
    let ended = explain(&[REQUEST, reply.to_str().unwrap()]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(first_line(&ended).starts_with("the server is wrong: "), "{}", ended.stdout);
    assert!(first_line(&ended).contains("`Sign in`"), "{}", ended.stdout);
}

#[test]
fn requests_of_the_field_are_explained() {
    for (file, words) in [
        ("csr-version-2.der", "odd: the certification request has version 2"),
        (
            "challenge-as-extension.der",
            "WRONG: the challenge password is among the requested extensions",
        ),
    ] {
        let ended = explain(&[&format!("../explain/{file}")]);
        assert!(ended.stdout.contains(words), "{}", ended.transcript());
        assert!(!ended.transcript().contains("s3cret"), "{}", ended.transcript());
    }
}

#[test]
fn reply_to_another_request_is_found() {
    let ended = explain(&[REQUEST, "sscep-0.10.0-at-rfc8894/04-PKIOperation-reply.http"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        first_line(&ended).starts_with("the server is wrong: the reply's transactionID"),
        "{}",
        ended.stdout
    );
}

#[test]
fn request_to_another_ca_is_found() {
    let ended = explain(&[REQUEST, "--ca", "keys/linux/ca.pem"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(
        first_line(&ended).starts_with("the client is wrong: the request is addressed to"),
        "{}",
        ended.stdout
    );
    let right = explain(&[REQUEST, "--ca", "keys/rfc8894/ca.pem"]);
    assert_eq!(right.code, Some(0), "{}", right.transcript());
}

#[test]
fn loose_certificates_are_no_answer_to_get_ca_cert() {
    // A certificate that is no CA's is not taken for the RA's.
    let files = [REQUEST, "keys/rfc8894/ca.pem", "keys/ndes/ra-encryption.pem"];
    let ended = explain(&[&files[..], &TIME[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let ended = explain(&[&[REQUEST, "keys/linux/ca.pem"], &TIME[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let words = "which is none of the certificates handed in: ";
    assert!(ended.stdout.contains(words), "{}", ended.transcript());
}

#[test]
fn control_characters_of_a_peer_are_not_shown() {
    let head = b"HTTP/1.1 500 \x1b[2J\r\nContent-Type: a\x1b]0;x\x07\r\n\r\n\x1b[31mbody\r\n";
    let ended = explained("reply.http", head, &[]);
    assert!(!ended.transcript().contains(['\x1b', '\x07', '\r']), "{:?}", ended.stdout);
}

#[test]
fn unreadable_input_and_wrong_usage_exit_with_2() {
    assert_eq!(explain(&[]).code, Some(2));
    assert_eq!(explain(&[REQUEST, "--key", "none.key"]).code, Some(2));
    assert_eq!(explain(&[REQUEST, "--key", "keys/linux/ca.pem"]).code, Some(2));
    assert_eq!(explain(&[REQUEST, "--state", "keys"]).code, Some(2));
    assert_eq!(explain(&[REQUEST, "--from", "http://127.0.0.1:1/scep"]).code, Some(3));
}
