//! Answers to a message that are no reply, and replies with a reason.

use super::{Canned, ECHO, ca_certificate, certs_only, enrol, enrol_in, http, says, typed};
use crate::suite::serve::{NDES, Server};

/// What comes in place of a reply, and the words for it after the exchange.
fn strange_replies() -> Vec<(Vec<u8>, &'static str)> {
    let html =
        |title: &str| format!("<html><head><title>{title}</title></head></html>").into_bytes();
    let utf16: Vec<u8> = "\u{feff}<HTML><Head><Title>Service</Title></Head></HTML>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    vec![
        (
            typed("200 OK", "text/html", &html("Server Error in Application")),
            ", reply: a web page (`text/html`) with the title `Server Error in Application` came in place of the pkiMessage",
        ),
        (
            typed("200 OK", "text/html", &utf16),
            ", reply: a web page (`text/html`) with the title `Service` came in place of the pkiMessage",
        ),
        (
            typed("200 OK", "text/plain", b"ERROR: no such profile"),
            ", reply: plain text (`text/plain`): `ERROR: no such profile` came in place of the pkiMessage",
        ),
        (
            typed("200 OK", "application/x-pki-message", b""),
            ", reply: an empty body (`application/x-pki-message`) came in place of the pkiMessage",
        ),
        (
            http("200 OK", &[], b"\x1f\x8b\x08\x00\x00"),
            ", reply: compressed data (no content type) (gzip) came in place of the pkiMessage",
        ),
        (
            typed("200 OK", "application/json", b"{\n  \"error\": \"wrong password\"\n}"),
            ", reply: JSON (`application/json`): `{ \"error\": \"wrong password\" }` came in place of the pkiMessage",
        ),
        (
            typed("200 OK", "application/x-pki-message", b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n"),
            ", reply: PEM (`application/x-pki-message`) with the label `PKCS7` came in place of the pkiMessage",
        ),
        (
            typed("403 Forbidden", "text/html", &html("403 - Forbidden: Access is denied.")),
            " was answered HTTP 403: a web page (`text/html`) with the title `403 - Forbidden: Access is denied.`",
        ),
        (
            typed("401 Unauthorized", "application/json", br#"{"message":"challenge password is invalid"}"#),
            " was answered HTTP 401: JSON (`application/json`): `{\"message\":\"challenge password is invalid\"}`",
        ),
        (
            typed(
                "404 Not Found",
                "text/html",
                b"<html><title>IIS 10.0 Detailed Error - 404.15 - Not Found</title><h3>HTTP Error 404.15 - Not Found</h3><h4>The \
                  request filtering module is configured to deny a request where the query string is too long.</h4></html>",
            ),
            " was answered HTTP 404: a web page (`text/html`) with the title `IIS 10.0 Detailed Error - 404.15 - Not Found`: `The \
             request filtering module is configured to deny a request where the query string is too long.`",
        ),
        (http("500 Internal Server Error", &[], b""), " was answered HTTP 500 with an empty body"),
        (
            typed("200 OK", "application/x-pki-message", &certs_only()),
            ", reply: a certs-only message (`application/x-pki-message`) with 1 certificate came in place of the pkiMessage",
        ),
        (
            typed("200 OK", "application/x-pki-message", b"\x30\x03\x0a\x01\x00"),
            ", reply: malformed pkiMessage: it is another ASN.1 structure than a CMS message (RFC 5652 §3), or damaged",
        ),
    ]
}

#[test]
fn answer_that_is_no_message_is_named() {
    for (reply, words) in strange_replies() {
        let caps = typed("200 OK", "text/plain", b"AES\nSHA-256\nPOSTPKIOperation");
        let server =
            Canned::start(&[("GetCACaps", caps), ("GetCACert", ca_certificate()), ("*", reply)]);
        says(&enrol(&server, &[]), 4, &format!("PKIOperation (PKCSReq){words}"));
    }
}

#[test]
fn request_that_comes_back_is_named() {
    let caps = typed("200 OK", "text/plain", b"AES\nSHA-256\nPOSTPKIOperation");
    let server = Canned::start(&[
        ("GetCACaps", caps),
        ("GetCACert", ca_certificate()),
        ("PKIOperation", ECHO.to_vec()),
    ]);
    says(&enrol(&server, &[]), 4, "the request itself came back in place of the reply");
}

#[test]
fn reason_of_ndes_is_shown_in_words() {
    let server = Server::start(&["ndes", "--challenge", "RIGHT"]);
    let folder = tempfile::tempdir().unwrap();
    let wrong = enrol_in(folder.path(), &server.url(NDES), &["--challenge", "WRONG"]);
    says(
        &wrong,
        4,
        "was answered FAILURE, badMessageCheck: 0x80070490 ERROR_NOT_FOUND (element not found; NDES says so of a challenge \
         password that it does not know, or that has expired)",
    );
    let missing = enrol_in(folder.path(), &server.url(NDES), &[]);
    says(
        &missing,
        4,
        "0x80096004 TRUST_E_CERT_SIGNATURE (the signature of the certificate cannot be verified; NDES says so",
    );
}
