//! Servers with which no TLS connection comes about: each is explained, with the next step.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use openssl::ssl::{SslContext, SslVersion};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::certificates::{Authority, Own};
use super::front::{Front, ask_for_certificates, context};
use super::{Stand, write};
use crate::suite::sceplab::Ended;

impl Stand {
    /// `sceplab health` at a server with this certificate, whose root is trusted.
    fn health_of(&self, own: &Own, host: &str) -> Ended {
        self.health_at(&self.before(context(own).build()).url(host))
    }

    fn health_at(&self, url: &str) -> Ended {
        self.run(&["health", url, "--tls-ca", "root.pem", "--timeout", "20"])
    }

    /// A TLS server with this context before the mock CA.
    fn before(&self, context: SslContext) -> Front {
        Front::start(context, &self.ca.authority)
    }
}

#[track_caller]
fn says(ended: &Ended, words: &[&str]) {
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    for words in words {
        assert!(ended.stderr.contains(words), "expected `{words}`:\n{}", ended.transcript());
    }
    let jargon = ["error:", "SSL routines", "ssl3_", "tls_process", "verify failed"];
    let after = ended.stderr.strip_prefix("error:").unwrap_or(&ended.stderr);
    assert!(!jargon.iter().any(|word| after.contains(word)), "{}", ended.transcript());
}

/// The beginning of all messages about certificates.
const UNVERIFIED: &str = "no TLS connection: the server's certificate does not verify: ";

#[test]
fn certificate_for_another_name_shows_the_names_that_it_has() {
    let stand = Stand::start();
    let own = stand.root.server(&["pki.example.com", "10.0.0.9"]);
    let by_name = stand.health_of(&own, "localhost");
    let words = format!("{UNVERIFIED}it is for `pki.example.com`, `10.0.0.9`, not for `localhost`");
    says(&by_name, &[&words, "write a name that the certificate has into the URL"]);
    let by_address = stand.health_of(&own, "127.0.0.1");
    says(&by_address, &["it is for `pki.example.com`, `10.0.0.9`, not for `127.0.0.1`"]);
    let many: Vec<String> = (0..40).map(|number| format!("host{number}.example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let shown = stand.health_of(&stand.root.server(&many), "localhost");
    says(&shown, &["`host4.example.com` and 35 more, not for"]);
}

#[test]
fn certificate_outside_of_its_dates_is_explained_with_the_time_here() {
    let stand = Stand::start();
    let expired = stand.root.issue(&["localhost"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let told = stand.health_of(&expired, "localhost");
    says(&told, &[UNVERIFIED, "it expired on Jan  1 00:00:00 2021 GMT, ", "before the time here"]);
    says(&told, &["compare the clock of this machine"]);
    let early = stand.root.issue(&["localhost"], |params| {
        params.not_before = date_time_ymd(2150, 1, 1);
        params.not_after = date_time_ymd(2151, 1, 1);
    });
    says(
        &stand.health_of(&early, "localhost"),
        &["it is not valid before Jan  1 00:00:00 2150 GMT"],
    );
}

#[test]
fn unknown_issuers_are_explained_by_what_the_server_sends() {
    let stand = Stand::start();
    let other = Authority::root("Other Root");
    let alone = stand.health_of(&other.server(&["localhost"]), "localhost");
    says(&alone, &[UNVERIFIED, "it was issued by `CN = Other Root`", "nor sent by the server"]);
    says(&alone, &["`--tls-ca FILE` names the certificate of the CA to trust"]);
    let with_root = other.server(&["localhost"]).followed_by([other.der()]);
    let words = "its chain ends in `CN = Other Root`, which is not trusted here";
    says(&stand.health_of(&with_root, "localhost"), &[words]);
    let between = stand.root.below("Between");
    let without = stand.health_of(&between.server(&["localhost"]), "localhost");
    says(
        &without,
        &["either the server leaves out an intermediate certificate, or `CN = Between`"],
    );
    let itself = stand.health_of(&Own::by_itself(&["localhost"]), "localhost");
    says(&itself, &["it is signed by itself, and not trusted here"]);
    let whole = between.server(&["localhost"]).followed_by([between.der()]);
    assert_eq!(stand.health_of(&whole, "localhost").code, Some(0));
}

#[test]
fn all_problems_of_a_certificate_are_told_at_once() {
    let stand = Stand::start();
    let other = Authority::root("Other Root");
    let own = other.issue(&["pki.example.com"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let told = stand.health_of(&own, "localhost");
    says(&told, &["it was issued by `CN = Other Root`", "not for `localhost`", "it expired on"]);
}

#[test]
fn certificate_for_other_uses_is_explained() {
    let stand = Stand::start();
    let own = stand.root.issue(&["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    says(&stand.health_of(&own, "localhost"), &["its key usages do not allow a TLS server"]);
}

#[test]
fn server_that_asks_for_a_certificate_is_explained_in_each_version() {
    let stand = Stand::start();
    let own = stand.root.server(&["localhost"]);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut asking = context(&own);
        asking.set_max_proto_version(Some(version)).unwrap();
        ask_for_certificates(&mut asking, &stand.root);
        let front = stand.before(asking.build());
        let words = "the server asks for a certificate of the client in TLS, and none is shown";
        let advice = "`--tls-client FILE` shows a certificate";
        says(&stand.health_at(&front.url("localhost")), &[words, advice]);
        let foreign = Authority::root("Foreign").server(&["client"]);
        write(stand.folder.path(), "foreign.pem", &foreign.with_key());
        let url = front.url("localhost");
        let shown = ["health", &url, "--tls-ca", "root.pem", "--tls-client", "foreign.pem"];
        says(&stand.run(&shown), &["the server refuses the certificate of the client in TLS"]);
    }
}

#[test]
fn http_at_a_tls_server_and_tls_at_an_http_server_are_explained() {
    let stand = Stand::start();
    let https = format!("https://{}/scep", stand.ca.authority);
    let words =
        "no TLS connection: the server speaks no TLS at this port: it answered with plain HTTP";
    says(&stand.health_at(&https), &[words, "write `http://`"]);
    let clear = stand.run(&["health", &stand.front.url_in_clear()]);
    says(&clear, &["speaks only HTTPS", "then write `https://`"]);
}

/// A server in clear text that answers each request with this page and HTTP 400.
fn refusing(page: &str) -> String {
    let length = page.len();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    answering(format!("{head}{page}").into_bytes()).replace("https://", "http://")
}

#[test]
fn pages_of_web_servers_about_tls_are_understood() {
    let stand = Stand::start();
    for (page, advice) in [
        ("<title>400 The plain HTTP request was sent to HTTPS port</title>", "write `https://`"),
        ("Reason: You're speaking plain HTTP to an SSL-enabled server port.", "write `https://`"),
        ("Client sent an HTTP request to an HTTPS server.\n", "write `https://`"),
        ("<title>400 No required SSL certificate was sent</title>", "`--tls-client FILE`"),
    ] {
        let url = refusing(page);
        says(&stand.run(&["health", &url]), &["HTTP 400", advice]);
        says(&stand.run(&["inspect", &url]), &["HTTP 400", advice]);
    }
}

/// A server that answers the first bytes of each connection with these, and ends it.
fn answering(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let bytes = bytes.clone();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read(&mut [0; 4096]);
            });
        }
    });
    format!("https://127.0.0.1:{port}/scep")
}

#[test]
fn handshakes_that_break_off_or_are_none_are_explained() {
    let stand = Stand::start();
    for (bytes, words) in [
        (&b""[..], "the server ended the connection at the first message of the TLS handshake"),
        (b"\x16\x03\x03\x00\x50\x02", "in the middle of the TLS handshake"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "the server knows no host of that name"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "the server takes no version of TLS from 1.2 on"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "takes none of the algorithms for TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "with the alert `internal_error`"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it answered with SSH"),
        (b"220 mail.example.com ESMTP\r\n", "it answered with plain text"),
        (b"HTTP/1.0 400 Bad Request\r\n\r\n", "it answered with plain HTTP"),
        (
            b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00",
            "a message of the server in the TLS handshake is wrong",
        ),
    ] {
        says(&stand.health_at(&answering(bytes.to_vec())), &[words]);
    }
}

#[test]
fn handshake_without_end_is_cut_off() {
    let stand = Stand::start();
    let own = stand.root.server(&["localhost"]);
    let certificate = own.chain[0].clone();
    let long = own.followed_by((0..400).map(|_| certificate.clone()));
    let told = stand.health_of(&long, "localhost");
    says(&told, &["the server sent more than 100 KiB in the TLS handshake"]);
}
