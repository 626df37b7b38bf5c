//! `sceplab serve --tls`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{SslConnector, SslMethod};
use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::request::self_signed;

use super::LINUX;
use crate::suite::sceplab::{Running, command, run_in};

/// Starts `sceplab serve linux` with these options in a folder; returns it with its URL.
fn serve(folder: &Path, options: &[&str]) -> (Running, String) {
    let arguments = [&["serve", "linux", "--listen", "127.0.0.1:0"], options].concat();
    let mut running = Running::start(command(folder, &arguments));
    let url = running.stdout_line(|line| Some(line.strip_prefix("url")?.trim().to_owned()));
    (running, url)
}

/// The answer to GetCACaps at this URL by a client that trusts the certificate in a file.
fn capabilities(url: &str, root: &Path) -> String {
    let authority = url.strip_prefix("https://").unwrap().split('/').next().unwrap();
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(root).unwrap();
    let (host, _) = authority.split_once(':').unwrap();
    let stream = TcpStream::connect(authority).unwrap();
    let mut stream = builder.build().connect(host, stream).unwrap();
    let request = format!(
        "GET {LINUX}?operation=GetCACaps HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn https_is_served_below_a_root_that_is_written_and_the_recording_is_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (mut running, url) =
        serve(folder.path(), &["--tls", "--tls-ca-out", "root.pem", "--save-messages", "m"]);
    let root = folder.path().join("root.pem");
    let subject = running.stdout_line(|line| Some(line.strip_prefix("tls-root")?.to_owned()));
    assert!(subject.ends_with("O = Sceplab, CN = TLS root"), "{subject}");
    let answer = capabilities(&url, &root);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("POSTPKIOperation"), "{answer}");
    running.signal("INT");
    assert_eq!(running.wait().code(), Some(0));
    let saved = fs::read(folder.path().join("m/001-GetCACaps-request.http")).unwrap();
    assert!(saved.starts_with(b"GET /scep?operation=GetCACaps"), "{saved:?}");
}

#[test]
fn given_certificate_is_served_and_what_is_wrong_with_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=127.0.0.1").unwrap();
    let certificate = self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap();
    fs::write(file("server.pem"), certificate.certificate.to_pem().unwrap()).unwrap();
    fs::write(file("server.key"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::set_permissions(file("server.key"), PermissionsExt::from_mode(0o640)).unwrap();
    let given = ["--tls-cert", "server.pem", "--tls-key", "server.key"];
    // Its time is over five years later.
    let (mut running, url) = serve(folder.path(), &[&given[..], &["--clock", "+1825d"]].concat());
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    running.signal("INT");
    assert_eq!(running.wait().code(), Some(0));
    let told = running.rest_of_stderr();
    assert!(told.contains("the private key `server.key` (mode 0640)"), "{told}");
    assert!(told.contains("the certificate in `server.pem` has expired on "), "{told}");

    let other = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    fs::write(file("server.key"), other.private_key_to_pem_pkcs8().unwrap()).unwrap();
    for (arguments, words) in [
        (&given[..], "the private key does not belong to the first certificate"),
        (&["--tls-cert", "server.pem", "--tls-key", "missing"], "`missing` cannot be read"),
        (&["--tls-min", "1.0"], "`--tls-min` needs `--tls` or `--tls-cert`"),
        (&["--fault", "on: handshake, do: tls-cut"], "without TLS"),
    ] {
        let whole = [&["serve", "linux", "--listen", "127.0.0.1:0"], arguments].concat();
        let ended = run_in(folder.path(), &whole);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}
