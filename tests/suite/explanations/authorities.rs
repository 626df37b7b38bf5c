//! Answers to GetCACaps and GetCACert with which no client can enrol, or not as it should.

use std::path::Path;

use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::request::self_signed;

use super::{Canned, enrol, enrol_in, says, typed};
use crate::suite::sceplab::{run_in, workspace};
use crate::suite::serve::Server;

#[test]
fn text_that_is_named_html_is_a_web_page() {
    let busy = Canned::start(&[("*", typed("200 OK", "text/html", b"busy"))]);
    let health = run_in(Path::new("/"), &["health", &busy.url()]);
    says(&health, 3, "a web page (`text/html`): `busy`, which lists no capability of SCEP");
    let conform = run_in(workspace(), &["conform", &busy.url()]);
    says(&conform, 3, "GetCACaps was answered HTTP 200: a web page (`text/html`): `busy`");
}

#[test]
fn answer_that_is_no_certificate_is_named() {
    for (body, words) in [
        (
            &b"<html><title>Sign in</title></html>"[..],
            "a web page (`text/html`) with the title `Sign in`",
        ),
        (b"-----BEGIN CERTIFICATE-----\n", "PEM (`text/html`) with the label `CERTIFICATE`"),
        (b"", "an empty body (`text/html`)"),
    ] {
        let server = Canned::start(&[("*", typed("200 OK", "text/html", body))]);
        says(
            &enrol(&server, &[]),
            3,
            &format!("GetCACert: {words} came in place of the CA's certificates"),
        );
        let conform = run_in(workspace(), &["conform", &server.url()]);
        assert!(conform.transcript().contains(words), "{}", conform.transcript());
    }
}

#[test]
fn ca_without_capabilities_is_noticed() {
    let server = Server::start(&["linux", "--allow-duplicate-names"]);
    let folder = tempfile::tempdir().unwrap();
    let right = enrol_in(folder.path(), &server.url("/scep"), &[]);
    assert!(right.code == Some(0) && !right.stderr.contains("GetCACaps"), "{}", right.transcript());
    for (fault, words) in [
        ("on: GetCACaps, do: http-status 404", "warning: GetCACaps was answered HTTP 404"),
        ("on: GetCACaps, do: html-page", "warning: GetCACaps was answered with a web page"),
        ("on: GetCACaps, do: close-connection", "warning: GetCACaps was not answered: "),
    ] {
        let server = Server::start(&["linux", "--fault", fault]);
        let ended = enrol_in(folder.path(), &server.url("/scep"), &[]);
        says(&ended, 0, words);
        says(&ended, 0, "the CA is taken for one without capabilities");
    }
}

#[test]
fn ca_whose_key_cannot_receive_a_request_is_explained_by_conform_too() {
    let curve = openssl::nid::Nid::X9_62_PRIME256V1;
    let curve = openssl::ec::EcGroup::from_curve_name(curve).unwrap();
    let key = openssl::ec::EcKey::generate(&curve).unwrap();
    let key = openssl::pkey::PKey::from_ec_key(key).unwrap();
    let subject = scep::name::parse("CN=EC CA").unwrap();
    let now = Clock::system().now();
    let certificate = self_signed(&subject, &key, Digest::Sha256, now).unwrap().certificate;
    let certificate = certificate.to_der().unwrap();
    let server = Canned::start(&[
        ("GetCACaps", typed("200 OK", "text/plain", b"AES\nSHA-256\nPOSTPKIOperation")),
        ("*", typed("200 OK", "application/x-x509-ca-cert", &certificate)),
    ]);
    let conform = run_in(workspace(), &["conform", &server.url(), "--case", "transport"]);
    let words = "`CN = EC CA` has an EC key, and this client enciphers requests to an RSA key only: the server must send an RA \
                 certificate with an RSA key";
    says(&conform, 3, words);
    says(&conform, 3, "the plain exchange could not be made, so the server is not judged");
    assert!(!conform.stderr.contains("`pki`"), "{}", conform.stderr);
    says(&enrol(&server, &[]), 4, words);
}

#[test]
fn enrol_and_health_say_what_to_look_at_if_the_server_is_no_scep_service() {
    for (status, words) in [
        ("404 Not Found", "probably the path is another"),
        ("401 Unauthorized", "the server wants a login"),
        ("301 Moved Permanently", "the server redirects: give the address"),
        ("200 OK", "perhaps the service is in maintenance, or a proxy"),
    ] {
        let server = Canned::start(&[("*", typed(status, "text/html", b"<html>page</html>"))]);
        says(&enrol(&server, &[]), 3, words);
        says(&run_in(Path::new("/"), &["health", &server.url()]), 3, words);
    }
}
