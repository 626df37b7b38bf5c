//! Enrolments with both personalities on a real connection.

use openssl::hash::MessageDigest;
use openssl::rand::rand_bytes;
use scep::client::{Client, Settings, Stage};

use super::client::{drive, enrol, get, serial, settings};
use super::{LINUX, NDES, Server};
use crate::suite::sceplab::DEADLINE;

const PASSWORD: &str = "8CE317021F6900691ED0DD50F7459D6E";

#[tokio::test]
async fn linux_server_issues_serial_numbers_from_two() {
    let server = Server::start(&["linux", "--challenge", "secret"]);
    for (subject, expected) in [("CN=first", "02"), ("CN=second, O=Teldat", "03")] {
        let issued = enrol(&server.authority, LINUX, settings(subject, Some("secret"))).await;
        assert_eq!(serial(&issued.unwrap()), expected);
    }
}

#[tokio::test]
async fn wrong_challenge_is_refused_and_logged() {
    let mut server = Server::start(&["linux", "--challenge", "secret"]);
    let refusal =
        enrol(&server.authority, LINUX, settings("CN=a", Some("wrong"))).await.unwrap_err();
    assert_eq!(refusal.stage, Stage::Answer);
    let line = server.running.stdout_line(|line| line.contains("FAILURE").then(|| line.to_owned()));
    assert!(line.contains("PKIOperation (PKCSReq)") && line.contains("challenge"), "{line}");
}

#[tokio::test]
async fn every_request_is_logged() {
    let mut server = Server::start(&["linux"]);
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
    for operation in ["GetCACaps 200", "GetCACert 200", "PKIOperation (PKCSReq)"] {
        server.running.stdout_line(|line| line.contains(operation).then_some(()));
    }
}

#[tokio::test]
async fn windows_server_takes_each_password_once_and_ignores_the_case_of_its_path() {
    let server = Server::start(&["ndes", "--challenge", PASSWORD, "--challenge", "other-password"]);
    let fingerprint = hexadecimal(server.fingerprint("ca"));
    let with = |challenge| Settings {
        ca_fingerprint: Some(fingerprint.clone()),
        ..settings("CN=MyUserCert", Some(challenge))
    };
    let issued = enrol(&server.authority, NDES, with(PASSWORD)).await.unwrap();
    assert!(serial(&issued).starts_with("1100001423"), "{}", serial(&issued));
    let again = enrol(&server.authority, NDES, with(PASSWORD)).await.unwrap_err();
    assert!(again.to_string().contains("FAILURE"), "{again}");
    let path = "/CERTSRV/MSCEP/mscep.DLL";
    assert!(enrol(&server.authority, path, with("other-password")).await.is_ok());
}

#[tokio::test]
async fn single_password_can_be_used_again() {
    let server = Server::start(&["ndes", "--challenge", PASSWORD, "--single-password"]);
    for _ in 0..2 {
        let settings = settings("CN=MyUserCert", Some(PASSWORD));
        assert!(enrol(&server.authority, NDES, settings).await.is_ok());
    }
}

#[tokio::test]
async fn admin_page_password_is_accepted() {
    let server = Server::start(&["ndes"]);
    let page = get(&server.authority, "/CertSrv/mscep_admin/", "").await;
    let units = page.body.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    let text = String::from_utf16(&units.collect::<Vec<_>>()).unwrap();
    let password = regex::Regex::new(r"\b[0-9A-F]{16}\b").unwrap();
    // The thumbprint of the CA has blanks in it, so the password is the only word of sixteen digits.
    let password = password.find(&text).unwrap_or_else(|| panic!("no password: {text}")).as_str();
    assert!(enrol(&server.authority, NDES, settings("CN=a", Some(password))).await.is_ok());
}

#[tokio::test]
async fn ca_with_another_fingerprint_is_not_trusted() {
    let server = Server::start(&["linux"]);
    let wrong = Settings { ca_fingerprint: Some(vec![0; 32]), ..settings("CN=a", None) };
    let refusal = enrol(&server.authority, LINUX, wrong).await.unwrap_err();
    assert_eq!(refusal.stage, Stage::GetCaCert);
    let shown = get(&server.authority, LINUX, "operation=GetCACert").await.body;
    let digest = openssl::hash::hash(MessageDigest::sha256(), &shown).unwrap();
    assert_eq!(digest.to_vec(), hexadecimal(server.fingerprint("ca")));
}

#[tokio::test]
async fn approval_on_standard_input_issues_the_certificate() {
    let mut server = Server::start(&["linux", "--approval", "manual"]);
    let mut client = Client::new(settings("CN=a", None));
    let first = client.start();
    assert!(drive(&server.authority, LINUX, &mut client, first).await.unwrap().is_none());
    server.running.write_line("approve");
    server.running.stdout_line(|line| line.starts_with("approved").then_some(()));
    let poll = client.poll(&mut rand_bytes).unwrap();
    let issued =
        tokio::time::timeout(DEADLINE, drive(&server.authority, LINUX, &mut client, poll)).await;
    assert!(issued.unwrap().unwrap().is_some());
}

fn hexadecimal(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}
