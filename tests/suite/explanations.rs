//! Servers that answer something else than SCEP: each command says what came.

mod authorities;
mod connections;
mod forms;
mod inputs;
mod redirections;
mod replies;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use openssl::x509::X509;
use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::request::self_signed;

use super::sceplab::{Ended, run_in};

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

/// The self-signed certificate of a CA with this name.
fn authority(name: &str) -> X509 {
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse(&format!("CN={name}")).unwrap();
    let now = Clock::system().now();
    self_signed(&subject, &key, Digest::Sha256, now).unwrap().certificate
}

/// A CA's certificate, as GetCACert returns it.
fn ca_certificate() -> Vec<u8> {
    let certificate = authority("Canned CA").to_der().unwrap();
    typed("200 OK", "application/x-x509-ca-cert", &certificate)
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

/// A certificate in a `SignedData` without signers.
fn certs_only() -> Vec<u8> {
    scep::certs_only::encode(&[authority("Canned CA")], &[]).unwrap()
}
