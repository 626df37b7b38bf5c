//! Servers that answer some requests alone, and a CA's certificate that says nothing of its use.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name};

use crate::suite::sceplab::{Ended, run};

/// The number of connections of an inspection without `--ca-identifier`.
const CONNECTIONS: usize = 17;

/// A self-signed certificate without extensions, as old roots have them.
fn bare_root() -> X509 {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "Old root").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_str("20200101000000Z").unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_str("20991231235959Z").unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// Answers a request over this connection, which then ends.
fn answer(mut stream: TcpStream, certificate: &[u8]) {
    let mut head = [0; 4096];
    let len = stream.read(&mut head).unwrap_or_default();
    let wants_certificates = String::from_utf8_lossy(&head[..len]).contains("GetCACert");
    let (content_type, body) = if wants_certificates {
        ("application/x-x509-ca-cert", certificate)
    } else {
        ("text/plain", &b"AES\nPOSTPKIOperation\nRenewal\nSHA-256\n"[..])
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

/// Inspects a server that answers the first connections, one request each. The others get no answer: it closes them, unless it is
/// silent.
fn inspected(answered: usize, is_silent: bool) -> Ended {
    let certificate = bare_root().to_der().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut silent = Vec::new();
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            if number < answered {
                answer(stream, &certificate);
            } else if is_silent {
                silent.push(stream);
            } else {
                let _ = (&stream).read(&mut [0; 4096]);
            }
        }
    });
    let ended = run(&["inspect", &url, "--timeout", "1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// The lines about troubles of clients.
fn troubles(ended: &Ended) -> Vec<&str> {
    let lines = ended.stdout.lines().map(str::trim_start);
    lines.filter(|line| line.starts_with("fails,") || line.starts_with("may fail,")).collect()
}

#[test]
fn request_that_timed_out_or_was_not_sent_makes_no_client_fail() {
    let ended = inspected(2, true);
    for trouble in troubles(&ended) {
        assert!(!trouble.contains("no answer in") && !trouble.contains("not asked"), "{trouble}");
    }
    let unseen = |words: &str| {
        let mut lines = ended.stdout.lines().map(str::trim_start);
        lines.any(|line| line.starts_with("not seen,") && line.contains(words))
    };
    assert!(unseen("was not answered: no answer in 1 s"), "{ended:?}");
    assert!(unseen("GetCACaps in HTTP/1.0 was not asked, because 4 s are over"), "{ended:?}");
}

#[test]
fn request_that_is_refused_makes_clients_fail() {
    let ended = inspected(2, false);
    let told = "GetCACaps in HTTP/1.0 was not answered: ";
    assert!(troubles(&ended).iter().any(|trouble| trouble.contains(told)), "{ended:?}");
}

#[test]
fn connection_of_one_request_is_told_only_if_the_first_one_was_answered() {
    let one = "not answered: the connection takes one request";
    let first = "was not asked, because the first one was not answered: ";
    for (answered, told, untold) in [(CONNECTIONS, one, first), (CONNECTIONS - 1, first, one)] {
        let ended = inspected(answered, false);
        let request = "a second GetCACaps over one connection";
        let line = ended.stdout.lines().find(|line| line.contains(request)).unwrap();
        assert!(line.contains(told) && !line.contains(untold), "{line}");
    }
}

/// As the client of Sceplab takes it.
#[test]
fn certificate_alone_that_names_no_use_is_that_of_the_ca() {
    let ended = inspected(CONNECTIONS, false);
    assert!(ended.stdout.contains("  1. root CA; Sceplab's client enciphers to it"), "{ended:?}");
    for words in ["no RA names", "no root is among the certificates"] {
        assert!(!ended.stdout.contains(words), "{words}: {ended:?}");
    }
}

#[test]
fn interim_responses_without_end_are_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
                while stream.write_all(&interim).is_ok() {}
            });
        }
    });
    let ended = run(&["inspect", &url]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let reason = "more than 32 interim responses (1xx) came, and no answer";
    assert!(ended.stderr.contains(reason), "{ended:?}");
}
