//! The outputs of `sceplab serve`.
#![cfg(unix)]

use std::fs;

use super::{ADMIN, ONE_TIME, STATIC, assert_ended_silently, assert_silent};
use crate::suite::sceplab::run;
use crate::suite::serve::client::{enrol, get, settings};
use crate::suite::serve::{LINUX, NDES, Server};

/// Ends the server. Fails if its outputs show a secret.
#[track_caller]
fn assert_stays_silent(server: Server) {
    let (code, stdout, stderr) = server.interrupt();
    assert_eq!(code, Some(0));
    assert!(stdout.contains("PKIOperation"), "{stdout}");
    assert_silent(&stdout);
    assert_silent(&stderr);
}

#[tokio::test]
async fn linux_server_shows_no_password() {
    let server = Server::start(&["linux", "--challenge", STATIC]);
    enrol(&server.authority, LINUX, settings("CN=a", Some(STATIC))).await.unwrap();
    let wrong = enrol(&server.authority, LINUX, settings("CN=b", Some(ONE_TIME))).await;
    assert_silent(&wrong.unwrap_err().to_string());
    assert_stays_silent(server);
}

#[tokio::test]
async fn windows_server_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("passwords");
    let admin = folder.path().join("admin");
    fs::write(&passwords, format!("{STATIC}\n{ONE_TIME}\n")).unwrap();
    fs::write(&admin, format!("{ADMIN}\n")).unwrap();
    let (passwords, admin) = (passwords.to_str().unwrap(), admin.to_str().unwrap());
    let server = Server::start(&[
        "ndes",
        "--challenge-file",
        passwords,
        "--admin-user",
        "x",
        "--admin-password-file",
        admin,
    ]);
    for password in [STATIC, STATIC, ONE_TIME] {
        let _ = enrol(&server.authority, NDES, settings("CN=a", Some(password))).await;
    }
    assert_eq!(get(&server.authority, "/CertSrv/mscep_admin/", "").await.status, 401);
    assert_stays_silent(server);
}

#[tokio::test]
async fn admin_page_password_appears_only_on_the_page() {
    let server = Server::start(&["ndes"]);
    let page = get(&server.authority, "/CertSrv/mscep_admin/", "").await.body;
    let units: Vec<u16> =
        page.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    let text = String::from_utf16(&units).unwrap();
    let password =
        regex::Regex::new(r"\b[0-9A-F]{16}\b").unwrap().find(&text).unwrap().as_str().to_owned();
    enrol(&server.authority, NDES, settings("CN=a", Some(&password))).await.unwrap();
    let (_, stdout, stderr) = server.interrupt();
    assert!(!stdout.contains(&password) && !stderr.contains(&password));
}

#[test]
fn wrong_usage_shows_no_password() {
    for arguments in [
        &["serve", "linux", "--challenge", STATIC, "--challenge", ONE_TIME][..],
        &["serve", "linux", "--challenge", STATIC, "--listen", "nowhere"],
        &["serve", "linux", "--challenge", STATIC, "--single-password"],
        &["serve", "unix", "--challenge", STATIC],
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_ended_silently(&ended);
    }
}
