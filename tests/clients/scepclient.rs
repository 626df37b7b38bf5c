//! Enrolment with micromdm's `scepclient` 2.1, package `scep` in Debian.
//!
//! It always encrypts with single DES and signs with SHA-1.

use std::fs;
use std::path::Path;
use std::process::Command;

use openssl::x509::X509;

use crate::support::sceplab::{Ended, Running, command as sceplab, finish};
use crate::support::server::{LINUX, NDES, Server};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        scepclient_enrols_with_the_linux_server,
        scepclient_is_refused_for_a_wrong_challenge,
        scepclient_enrols_with_the_windows_server_by_the_fingerprint_of_its_ra,
        scepclient_enrols_with_the_windows_server_by_all_its_certificates,
        scepclient_enrols_with_a_recorded_server_under_its_own_name,
    ]
}

fn scepclient(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new("scepclient");
    command.args(["-private-key", "key.pem", "-certificate", "certificate.pem", "-cn", "stranger"]);
    command.args(arguments).current_dir(folder);
    finish(command)
}

/// The issued certificate. Fails if its key is not the client's.
#[track_caller]
fn issued(folder: &Path, ended: &Ended) -> X509 {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let pem = fs::read(folder.join("certificate.pem")).unwrap();
    let certificate = X509::from_pem(&pem).unwrap();
    let key = openssl::rsa::Rsa::private_key_from_pem(&fs::read(folder.join("key.pem")).unwrap());
    let key = openssl::pkey::PKey::from_rsa(key.unwrap()).unwrap();
    assert!(certificate.public_key().unwrap().public_eq(&key));
    certificate
}

fn scepclient_enrols_with_the_linux_server() {
    let server = Server::start(&["linux", "--challenge", "secret"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(LINUX);
    let ended = scepclient(folder.path(), &["-server-url", &url, "-challenge", "secret"]);
    let certificate = issued(folder.path(), &ended);
    assert_eq!(certificate.serial_number().to_bn().unwrap().to_vec(), [2]);
}

fn scepclient_is_refused_for_a_wrong_challenge() {
    let server = Server::start(&["linux", "--challenge", "secret"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(LINUX);
    let ended = scepclient(folder.path(), &["-server-url", &url, "-challenge", "wrong"]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.stdout.contains("request failed, failInfo: badRequest"), "{}", ended.stdout);
}

fn scepclient_enrols_with_the_windows_server_by_the_fingerprint_of_its_ra() {
    let server = Server::start(&["ndes", "--challenge", "secret", "--open-with-signing-key"]);
    let folder = tempfile::tempdir().unwrap();
    // scepclient verifies the reply with the certificate that it enciphers to, so it needs the one that signs.
    let (url, fingerprint) = (server.url(NDES), server.fingerprint("ra-signing"));
    let arguments = ["-server-url", &url, "-challenge", "secret", "-ca-fingerprint", fingerprint];
    let ended = scepclient(folder.path(), &arguments);
    assert_eq!(issued(folder.path(), &ended).serial_number().to_bn().unwrap().num_bytes(), 19);
}

fn scepclient_enrols_with_the_windows_server_by_all_its_certificates() {
    let server = Server::start(&["ndes", "--challenge", "secret"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(NDES);
    let ended = scepclient(folder.path(), &["-server-url", &url, "-challenge", "secret"]);
    issued(folder.path(), &ended);
}

/// No key of the recording opens the request, and scepclient signs with another subject than it asks for.
fn scepclient_enrols_with_a_recorded_server_under_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("m");
    let server = Server::start(&["linux", "--save-messages", saved.to_str().unwrap()]);
    let recorded = scepclient(folder.path(), &["-server-url", &server.url(LINUX), "-ou", "first"]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.stdout);
    server.interrupt();
    for file in ["key.pem", "certificate.pem", "csr.pem"] {
        let _ = fs::remove_file(folder.path().join(file));
    }
    let serve = ["replay", "m", "--serve", "--listen", "127.0.0.1:0"];
    let mut replayed = Running::start(sceplab(folder.path(), &serve));
    let url = replayed.stdout_line(|line| Some(line.strip_prefix("url")?.trim().to_owned()));
    let ended = scepclient(folder.path(), &["-server-url", &url, "-ou", "second"]);
    let subject = scep::name::to_text(issued(folder.path(), &ended).subject_name());
    assert!(subject.contains("OU = second"), "{subject}");
}
