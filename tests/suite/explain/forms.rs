//! The forms in which people have messages, and what is said about those that are none.

use std::fs;

use super::{captures, explain, first_line};

#[test]
fn password_in_place_of_its_source_is_not_shown() {
    let options = ["--pkcs12", "ca.p12", "--pkcs12-password"];
    for value in ["s3cretpw", "pass:s3cretpw", "file=s3cretpw"] {
        let ended = explain(&[&["a.der"], &options[..], &[value]].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(ended.stderr.contains("it is `file:PATH` or `env:NAME`"), "{}", ended.stderr);
        assert!(!ended.transcript().contains("s3cretpw"), "{}", ended.transcript());
    }
}

#[test]
fn input_without_a_message_has_its_reasons_in_lines_of_their_own() {
    let ended = explain(&["this is no message at all"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(!ended.stderr.contains("\\n"), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: `this is no m…` has no message in it: it looks"));
    assert!(
        lines.iter().any(|line| line.trim_start().starts_with("= hand in the message as DER")),
        "{}",
        ended.stderr
    );
}

#[test]
fn missing_file_is_named_as_such() {
    for name in ["nosuch.der", "nosuch", "no/such/file"] {
        let ended = explain(&[name]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let words = format!("there is no file `{name}`");
        assert!(ended.stderr.contains(&words), "{}", ended.stderr);
        assert!(!ended.stderr.contains("looks like"), "{}", ended.stderr);
    }
}

/// Explains a text in a file.
fn explained(text: &str) -> super::Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, text).unwrap();
    explain(&[path.to_str().unwrap()])
}

#[test]
fn body_that_a_log_or_curl_does_not_show_is_not_missing() {
    let log = "10.0.0.64 - - [29/Nov/2026:12:46:34 +0000] \"POST /scep?operation=PKIOperation HTTP/1.1\" 200 2796\n";
    let curl = "> POST /scep?operation=PKIOperation HTTP/1.1\n> Host: pki\n> Content-Type: application/x-pki-message\n> Content-Length: 2480\n>\n";
    for text in [log, curl] {
        let ended = explained(text);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let words = "cannot be told: of the body of message 1 nothing was handed in";
        assert_eq!(first_line(&ended), words, "{}", ended.stdout);
        assert!(!ended.stdout.contains("WRONG"), "{}", ended.stdout);
        assert!(!ended.stdout.contains("an empty body"), "{}", ended.stdout);
    }
    // An empty body that was seen is one.
    let empty = explained("POST /scep?operation=PKIOperation HTTP/1.1\nContent-Length: 0\n\n");
    assert!(first_line(&empty).starts_with("the client is wrong: the request has no body"));
}

#[test]
fn part_of_a_message_is_nobodys_mistake() {
    let bytes = fs::read(captures().join("sscep-0.10.0-at-linux/04-PKIOperation-reply.http"));
    let bytes = bytes.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reply.http");
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let ended = explain(&[path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let words = "cannot be told: of the body of message 1 only a part was handed in";
    assert_eq!(first_line(&ended), words, "{}", ended.stdout);
    assert!(ended.stdout.contains("bytes that its head announces"), "{}", ended.stdout);
}

#[test]
fn http_about_something_else_is_shown_and_not_judged() {
    for target in ["/ca-1.crl", "/certsrv/mscep_admin/", "/status?verbose=1"] {
        let ended = explained(&format!(
            "GET {target} HTTP/1.1\r\nHost: pki\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let words = "cannot be told: what came is HTTP about something else than SCEP";
        assert_eq!(first_line(&ended), words, "{}", ended.stdout);
        assert!(ended.stdout.contains(&format!("GET {target}").replace("?verbose=1", "")));
    }
    // A client that forgets the operation at the SCEP service is judged.
    let ended = explained("GET /scep HTTP/1.1\r\nHost: pki\r\n\r\n");
    assert!(first_line(&ended).starts_with("the client is wrong: "), "{}", ended.stdout);
}

#[test]
fn long_log_is_refused_at_once() {
    let line = "10.0.0.64 - - [29/Nov/2026:12:46:34 +0000] \"GET /scep?operation=GetCACaps HTTP/1.1\" 200 9\n";
    let ended = explained(&line.repeat(300_000));
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("more than 1000 messages"), "{}", ended.stderr);
}

#[test]
fn text_output_of_tshark_is_named() {
    let verbose = "Frame 1: 514 bytes on wire (4112 bits)\n    Encapsulation type: Ethernet (1)\nHypertext Transfer Protocol\n    GET /scep?operation=GetCACaps HTTP/1.1\\r\\n\n    [Full request URI: http://pki/scep?operation=GetCACaps]\n";
    let json = "[\n  {\n    \"_index\": \"packets\",\n    \"_source\": {\n      \"layers\": {\n        \"frame\": {\"frame.number\": \"1\"},\n        \"http\": {\"http.request.full_uri\": \"http://pki/scep?operation=GetCACaps\"}\n      }\n    }\n  }\n]\n";
    for (text, form) in [(verbose, "`-V`"), (json, "`-T json`")] {
        let ended = explained(text);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let words = format!("the text output of tshark ({form}), which does not have the messages");
        assert!(ended.stderr.contains(&words), "{}", ended.stderr);
        assert!(ended.stderr.contains("hand in the capture itself"), "{}", ended.stderr);
    }
}

#[test]
fn inputs_that_can_be_read_are_explained_beside_one_that_cannot() {
    let request = "sceplab-at-rfc8894/03-PKIOperation-request.http";
    let ended = explain(&[request, "nosuch.der"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stdout.contains("pkiMessage: PKCSReq"), "{}", ended.transcript());
    assert!(ended.stderr.contains("there is no file `nosuch.der`"), "{}", ended.stderr);
    // What is wrong outweighs it.
    let ended = explain(&["nosuch.der", request, "--ca", "keys/linux/ca.pem"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stderr.contains("there is no file `nosuch.der`"), "{}", ended.stderr);
}
