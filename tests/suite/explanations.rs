//! Servers that answer something else than SCEP: each command says what came.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::request::self_signed;

use super::sceplab::{Ended, run_in, workspace};
use super::serve::{NDES, Server};

/// A server that answers each operation with the same bytes, whatever the request, until the test ends.
struct Canned {
    authority: String,
}

/// In place of a response: the request's body comes back.
const ECHO: &[u8] = b"echo";

impl Canned {
    /// `answers` are whole HTTP responses by operation; `*` is for all others.
    fn start(answers: &[(&'static str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let answers: BTreeMap<&'static str, Vec<u8>> = answers.iter().cloned().collect();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answers = answers.clone();
                thread::spawn(move || answer(&stream, &answers));
            }
        });
        Self { authority }
    }

    fn url(&self) -> String {
        format!("http://{}/scep", self.authority)
    }
}

fn answer(mut stream: &TcpStream, answers: &BTreeMap<&'static str, Vec<u8>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let head: Vec<String> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let operation = head.first()?.split("operation=").nth(1).unwrap_or_default();
    let operation = operation.split(['&', ' ']).next().unwrap_or_default();
    let answer = answers.get(operation).or(answers.get("*"))?;
    if answer == ECHO {
        return stream.write_all(&typed("200 OK", "application/x-pki-message", &body)).ok();
    }
    stream.write_all(answer).ok()
}

fn http(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn typed(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    http(status, &[("Content-Type", content_type)], body)
}

/// A CA's certificate, as GetCACert returns it.
fn ca_certificate() -> Vec<u8> {
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=Canned CA").unwrap();
    let now = Clock::system().now();
    let certificate = self_signed(&subject, &key, Digest::Sha256, now).unwrap().certificate;
    typed("200 OK", "application/x-x509-ca-cert", &certificate.to_der().unwrap())
}

fn enrol(server: &Canned, more: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    enrol_in(folder.path(), &server.url(), more)
}

fn enrol_in(folder: &Path, url: &str, more: &[&str]) -> Ended {
    let ended = run_in(folder, &[&["enrol", url, "--timeout", "10"], more].concat());
    ended.assert_orderly();
    ended
}

#[track_caller]
fn says(ended: &Ended, code: i32, words: &str) {
    let transcript = ended.transcript();
    assert_eq!(ended.code, Some(code), "{transcript}");
    assert!(ended.stderr.contains(words), "expected `{words}`:\n{transcript}");
}

#[test]
fn redirection_is_shown_with_its_address() {
    for (status, location, words) in [
        (
            "301 Moved Permanently",
            "/scep/?operation=GetCACaps",
            "HTTP 301, moved to `/scep/?operation=GetCACaps`; redirections are not followed: use the address `/scep/`",
        ),
        (
            "302 Found",
            "https://pki.example.com/scep",
            "HTTP 302, moved to `https://pki.example.com/scep`; this is HTTPS, which is not supported",
        ),
        (
            "307 Temporary Redirect",
            "http://login.example.com/",
            "HTTP 307, moved to `http://login.example.com/`",
        ),
        ("308 Permanent Redirect", "../new", "HTTP 308, moved to `../new`"),
    ] {
        let moved = http(status, &[("Location", location)], b"");
        // Of GetCACaps, too: it is no sign of an old CA without capabilities.
        let all = Canned::start(&[("*", moved.clone())]);
        says(&enrol(&all, &[]), 3, &format!("GetCACaps was answered {words}"));
        let other = Canned::start(&[
            ("GetCACaps", typed("200 OK", "text/plain", b"AES")),
            ("*", moved.clone()),
        ]);
        says(&enrol(&other, &[]), 3, &format!("GetCACert was answered {words}"));
        let health = run_in(Path::new("/"), &["health", &all.url()]);
        says(&health, 3, &format!("GetCACaps was answered {words}"));
        let page = format!("http://{}/certsrv/mscep_admin/", all.authority);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pw"), "pw\n").unwrap();
        let admin = ["--ndes-admin", &page, "--admin-user", "u", "--admin-password-file", "pw"];
        says(
            &enrol_in(folder.path(), &all.url(), &admin),
            3,
            &format!("mscep_admin: was answered {words}"),
        );
        let conform = run_in(workspace(), &["conform", &all.url()]);
        says(&conform, 3, words);
    }
    let without = Canned::start(&[("*", http("302 Found", &[], b""))]);
    says(
        &enrol(&without, &[]),
        3,
        "GetCACaps was answered HTTP 302, a redirection without a Location",
    );
}

#[test]
fn text_that_is_named_html_is_a_web_page() {
    let busy = Canned::start(&[("*", typed("200 OK", "text/html", b"busy"))]);
    let health = run_in(Path::new("/"), &["health", &busy.url()]);
    says(&health, 3, "a web page (`text/html`): `busy`, which lists no capability of SCEP");
    let conform = run_in(workspace(), &["conform", &busy.url()]);
    says(&conform, 3, "GetCACaps was answered HTTP 200: a web page (`text/html`): `busy`");
}

/// A certificate in a `SignedData` without signers.
fn certs_only() -> Vec<u8> {
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=Canned CA").unwrap();
    let now = Clock::system().now();
    let certificate = self_signed(&subject, &key, Digest::Sha256, now).unwrap().certificate;
    scep::certs_only::encode(&[certificate], &[]).unwrap()
}

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
fn short_password_of_the_page_is_not_told_as_a_challenge_password() {
    let server = Canned::start(&[("*", typed("200 OK", "text/html", b"<html></html>"))]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pw"), "pw\n").unwrap();
    let page = format!("http://{}/certsrv/mscep_admin/", server.authority);
    let admin = ["--ndes-admin", &page, "--admin-user", "u", "--admin-password-file", "pw"];
    let ended = enrol_in(folder.path(), &server.url(), &admin);
    says(&ended, 3, "warning: the password of `--admin-user` has fewer than six characters");
    assert!(!ended.stderr.contains("the challenge password has"), "{}", ended.stderr);
    let own = enrol_in(folder.path(), &server.url(), &["--challenge", "pw"]);
    says(&own, 3, "warning: the challenge password has fewer than six characters");
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
fn answer_in_many_small_pieces_is_refused() {
    let chunks = "1\r\nA\r\n".repeat(5_000);
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let server = Canned::start(&[("*", answer.into_bytes())]);
    let words = "the answer comes in more than 4096 pieces";
    says(&enrol(&server, &[]), 3, words);
    says(&run_in(Path::new("/"), &["health", &server.url()]), 3, words);
}

#[test]
fn server_of_another_protocol_is_named() {
    for (bytes, words) in [
        (
            &b"HTTP/1.1 9x9 Odd\r\n\r\n"[..],
            "the answer is no valid HTTP/1: invalid HTTP status-code parsed",
        ),
        (
            &b"\x15\x03\x01\x00\x02\x02\x28"[..],
            "TLS (alert 40, handshake_failure) came in place of an HTTP/1 response; the server speaks HTTPS at this port",
        ),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2 came in place of an HTTP/1 response"),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "SSH: `SSH-2.0-OpenSSH_9.2` came in place of an HTTP/1 response",
        ),
        (b"", "the server closed the connection without an answer"),
        (
            b"220 mail.example.com ESMTP\r\n",
            "plain text: `220 mail.example.com ESMTP` came in place",
        ),
    ] {
        let server = Canned::start(&[("*", bytes.to_vec())]);
        let health = run_in(Path::new("/"), &["health", &server.url()]);
        says(&health, 3, words);
    }
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

#[test]
fn file_that_is_not_pem_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=CA").unwrap();
    let now = Clock::system().now();
    let certificate = self_signed(&subject, &key, Digest::Sha256, now).unwrap().certificate;
    let pem = certificate.to_pem().unwrap();
    let damaged = [&pem[..100], b"\n-----END CERTIFICATE-----\n"].concat();
    for (bytes, words) in [
        (b"".to_vec(), "it is empty"),
        (
            certificate.to_der().unwrap(),
            "it is a certificate of `CN = CA` in DER; `openssl` converts it",
        ),
        (key.private_key_to_pem_pkcs8().unwrap(), "it is PEM with the label `PRIVATE KEY`"),
        (b"<html></html>".to_vec(), "it is a web page"),
        (b"hello".to_vec(), "it is plain text"),
        (damaged, "its PEM is damaged ("),
    ] {
        write("ca.pem", &bytes);
        let ended = enrol_in(folder.path(), "http://127.0.0.1:1/", &["--ca", "ca.pem"]);
        says(&ended, 2, &format!("`ca.pem` has no certificate in PEM: {words}"));
        assert!(!ended.stderr.contains("error:0"), "{}", ended.stderr);
    }
    fs::create_dir(folder.path().join("out")).unwrap();
    write("out/cert.pem", &pem);
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    for (bytes, words) in [
        (pem.clone(), "it is PEM with the label `CERTIFICATE`"),
        (
            key.private_key_to_pem_pkcs8_passphrase(cipher, b"pass").unwrap(),
            "its key is enciphered with a passphrase, which is not supported",
        ),
        (b"s3cret key".to_vec(), "it is plain text"),
    ] {
        write("out/key.pem", &bytes);
        let ended = enrol_in(folder.path(), "http://127.0.0.1:1/", &["--out", "out", "--renew"]);
        says(&ended, 2, &format!("key.pem` has no private key in PEM: {words}"));
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
}

#[test]
fn enrol_and_health_say_what_to_look_at_if_the_server_is_no_scep_service() {
    for (status, words) in [
        ("404 Not Found", "probably the path is another"),
        ("401 Unauthorized", "the server wants a login"),
        ("301 Moved Permanently", "the server redirects: give the address"),
        ("200 OK", "probably the path is another"),
    ] {
        let server = Canned::start(&[("*", typed(status, "text/html", b"<html>page</html>"))]);
        says(&enrol(&server, &[]), 3, words);
        says(&run_in(Path::new("/"), &["health", &server.url()]), 3, words);
    }
}
