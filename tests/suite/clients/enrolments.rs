//! Enrolment, refusal, pending and renewal with each client that is installed.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use dut_sim::ScepClient;

use super::ClientDevice;
use crate::suite::sceplab::finish;
use crate::suite::serve::{LINUX, NDES, Server};

const SUBJECT: &str = "distinguished-names CN=MyUserCert";
const USER_CERTIFICATE: &str =
    "pki show certificate running://auth/certificates/scep/CSR/user/cert";

/// Every client but strongSwan's takes the Windows server: 5.9.8 finds no cipher of its own in its capabilities.
#[tokio::test]
async fn every_client_enrols_with_every_server_that_it_can() {
    let linux = Server::start(&["linux", "--challenge", "secret", "--allow-duplicate-names"]);
    let ndes = Server::start(&["ndes", "--challenge", "secret", "--single-password"]);
    for client in ScepClient::ALL {
        for (url, table) in [
            (linux.url(LINUX), "ca Valid Encipherment & Signature"),
            (ndes.url(NDES), "ra Valid Encipherment"),
        ] {
            let Some(device) = ClientDevice::with(client) else { continue };
            let lines = ["cipher des3", "digest sha256", SUBJECT, "password secret"];
            device.configure(&url, &lines).await;
            let shown = device.shows(&["usercert Valid", "usercert: ", "ca: "]).await;
            let not_offered = "GetCACaps: `pki` ended with status 1: 3DES_CBC";
            if client == ScepClient::Strongswan && shown.contains(not_offered) {
                continue;
            }
            assert!(shown.contains("usercert Valid") && shown.contains(table), "{client}: {shown}");
            assert!(!device.log().contains("secret"), "{}", device.log());
        }
    }
}

#[tokio::test]
async fn every_client_tells_a_refusal_in_the_same_words() {
    let server = Server::start(&["linux", "--challenge", "secret"]);
    for client in ScepClient::ALL {
        let Some(device) = ClientDevice::with(client) else { continue };
        let lines = ["cipher des3", "digest sha256", SUBJECT, "password another"];
        device.configure(&server.url(LINUX), &lines).await;
        let shown = device.shows(&["usercert: ", "ca: "]).await;
        let refused = "usercert: PKIOperation (PKCSReq) was answered FAILURE, badRequest";
        assert!(shown.contains(refused), "{client}: {shown}\n{}", device.log());
        assert!(!device.log().contains("another"), "{}", device.log());
    }
}

#[tokio::test]
async fn every_client_tells_in_the_same_words_that_nobody_listens_and_tries_again() {
    let server = Server::start(&["linux"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for client in ScepClient::ALL {
        let Some(device) = ClientDevice::with(client) else { continue };
        device.configure(&format!("http://{free}/scep"), &[SUBJECT]).await;
        device.shows(&[&format!("connection refused by {free}, next try in")]).await;
        device.configure(&server.url("/nowhere"), &[SUBJECT]).await;
        device.shows(&["was answered HTTP 404, next try in"]).await;
    }
}

/// scepclient asks again after half a minute only, which is left to its log.
#[tokio::test]
async fn every_client_waits_for_a_decision() {
    for client in ScepClient::ALL {
        let Some(device) = ClientDevice::with(client) else { continue };
        let mut server = Server::start(&["linux", "--approval", "manual"]);
        device.configure(&server.url(LINUX), &["cipher des3", "digest sha256", SUBJECT]).await;
        device.shows(&["usercert Pending"]).await;
        if client == ScepClient::Scepclient {
            device.logs("sleeping for 30 seconds").await;
            continue;
        }
        let pending = match client {
            ScepClient::Strongswan => "SCEP request pending",
            _ => "was answered PENDING",
        };
        device.logs(pending).await;
        server.running.tell("approve");
        server.running.stdout_line(|line| line.starts_with("approved").then_some(()));
        device.shows(&["usercert Valid"]).await;
    }
}

#[tokio::test]
async fn every_client_renews_and_keeps_the_old_certificate_when_it_cannot() {
    for client in ScepClient::ALL {
        let Some(device) = ClientDevice::with(client) else { continue };
        let server = Server::start(&["linux", "--allow-duplicate-names"]);
        device.configure(&server.url(LINUX), &["cipher des3", "digest sha256", SUBJECT]).await;
        device.shows(&["usercert Valid"]).await;
        let first = device.output(USER_CERTIFICATE).await;
        assert!(device.output("pki scep renew CSR").await.contains("has begun"));
        device
            .logs("renewal: PKIOperation (RenewalReq) was answered SUCCESS: certificate 03")
            .await;
        let second = device.output(USER_CERTIFICATE).await;
        assert!(first != second && second.contains("Serial Number: 3 "), "{client}: {second}");
        drop(server);
        device.output("pki scep renew CSR").await;
        let shown = device.shows(&["usercert: renewal: GetCAC"]).await;
        assert!(shown.contains("usercert Valid"), "{client}: {shown}");
        assert_eq!(device.output(USER_CERTIFICATE).await, second);
    }
}

#[tokio::test]
async fn what_a_client_lacks_is_said() {
    let server = Server::start(&["linux"]);
    let Some(device) = ClientDevice::with(ScepClient::Scepclient) else { return };
    device.configure(&server.url(LINUX), &["cipher aes", "digest sha256", SUBJECT]).await;
    device.shows(&["usercert Valid"]).await;
    let notes = device.notes();
    assert!(
        notes.contains("scepclient has no option for the cipher: it enciphers with single DES")
    );
    assert!(notes.contains("scepclient has no option for the digest"), "{notes}");
    device.configure(&server.url(LINUX), &["distinguished-names DC=com,CN=x"]).await;
    device.shows(&["ca: `scepclient` has no option for `DC` in a subject"]).await;
}

/// This program again, with nothing on the path.
#[test]
fn a_client_that_is_not_installed_is_a_skip_that_everybody_sees() {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "suite::clients::enrolments::what_a_client_lacks_is_said"]);
    again.env("PATH", "").stdin(Stdio::null());
    let ended = finish(again);
    assert!(ended.stdout.contains("1 passed"), "{ended:?}");
    assert!(ended.stderr.starts_with("skipped: "), "{ended:?}");
    assert!(ended.stderr.contains("(package `scep`)"), "{ended:?}");
}
