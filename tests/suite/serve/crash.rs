//! With `--state`, a server keeps after a crash everything that it has given to a client.
#![cfg(unix)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mock_ca::{Ca, Keys, PersonalityName, Settings};
use openssl::rand::rand_bytes;
use openssl::x509::{CrlStatus, X509, X509Crl};
use scep::client::{Client, Next};
use scep::clock::Clock;
use scep::http::{HttpRequest, Method};

use super::client::{enrol, exchange, serial, settings};
use super::control::{answer_to, controlled};
use super::{LINUX, NDES, Server};

fn start(personality: &str, state: &Path, further: &[&str]) -> Server {
    let state = state.to_str().unwrap();
    Server::start(&[&[personality, "--state", state], further].concat())
}

/// The certificates in a state folder, as DER.
fn kept(personality: PersonalityName, state: &Path) -> Vec<Vec<u8>> {
    let mut settings = Settings::new("pki", personality);
    settings.state = Some(state.to_owned());
    settings.keys = Keys::Fresh;
    let ca = Ca::open(settings, Clock::system()).unwrap();
    ca.issued().unwrap().iter().map(|issued| issued.certificate.to_der().unwrap()).collect()
}

#[tokio::test]
async fn issued_certificate_survives_a_kill_right_after_the_reply() {
    let state = tempfile::tempdir().unwrap();
    let mut given = Vec::new();
    let mut fingerprint = None;
    for number in 2..6 {
        let mut server = start("linux", state.path(), &[]);
        let own = server.fingerprint("ca").to_owned();
        assert_eq!(*fingerprint.get_or_insert(own.clone()), own);
        let subject = format!("CN=client-{number}");
        let issued = enrol(&server.authority, LINUX, settings(&subject, None)).await.unwrap();
        server.running.kill();
        assert_eq!(serial(&issued), format!("{number:02X}"));
        given.push(issued.to_der().unwrap());
    }
    assert_eq!(kept(PersonalityName::Linux, state.path()), given);
}

#[tokio::test]
async fn used_password_stays_used_after_a_kill() {
    let state = tempfile::tempdir().unwrap();
    let challenge = ["--challenge", "once-and-no-more"];
    let with = || settings("CN=a", Some("once-and-no-more"));
    let mut server = start("ndes", state.path(), &challenge);
    let certificates =
        ["ca", "ra-signing", "ra-encryption"].map(|kind| server.fingerprint(kind).to_owned());
    let issued = enrol(&server.authority, NDES, with()).await.unwrap();
    server.running.kill();
    let server = start("ndes", state.path(), &challenge);
    assert_eq!(
        ["ca", "ra-signing", "ra-encryption"].map(|kind| server.fingerprint(kind)),
        certificates
    );
    let again = enrol(&server.authority, NDES, with()).await.unwrap_err();
    assert!(again.to_string().contains("FAILURE"), "{again}");
    drop(server);
    assert_eq!(kept(PersonalityName::Ndes, state.path()), [issued.to_der().unwrap()]);
}

#[tokio::test]
async fn pending_request_survives_a_kill() {
    let state = tempfile::tempdir().unwrap();
    let manual = ["--approval", "manual"];
    let mut server = start("linux", state.path(), &manual);
    let mut client = Client::new(settings("CN=a", None));
    let first = client.start();
    let waiting = super::client::drive(&server.authority, LINUX, &mut client, first).await;
    assert!(waiting.unwrap().is_none());
    server.running.kill();
    let mut server = start("linux", state.path(), &manual);
    server.running.write_line("approve");
    server.running.stdout_line(|line| line.starts_with("approved").then_some(()));
    let poll = client.poll(&mut rand_bytes).unwrap();
    let issued = super::client::drive(&server.authority, LINUX, &mut client, poll).await;
    assert!(issued.unwrap().is_some());
}

/// How often the server is killed under load.
const KILLS: usize = 5;

/// The certificates that clients get of the server of each round before it is killed.
const BEFORE_KILL: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn kills_during_many_enrolments_lose_no_certificate_and_no_revocation() {
    let state = tempfile::tempdir().unwrap();
    let (mut given, mut revoked): (Vec<X509>, Vec<X509>) = Default::default();
    for round in 0..KILLS {
        let arguments = ["linux", "--state", state.path().to_str().unwrap()];
        let (mut server, control) =
            controlled(&[&arguments[..], &["--distribution-point", "here"]].concat());
        if let Some(newest) = given.last() {
            let list = list_for(newest, &server.authority).await;
            let is_listed = |one: &X509| matches!(list.get_by_cert(one), CrlStatus::Revoked(_));
            assert!(revoked.iter().all(is_listed), "in round {round}");
        }
        let clients = (0..4).map(|client| {
            let (authority, name) = (server.authority.clone(), format!("{round}-{client}"));
            let new: Arc<Mutex<Vec<X509>>> = Arc::default();
            let task = tokio::spawn(enrol_until_it_breaks(authority, name, Arc::clone(&new)));
            (task, new)
        });
        let clients: Vec<_> = clients.collect();
        let count = || clients.iter().map(|(_, new)| new.lock().unwrap().len()).sum::<usize>();
        while count() < BEFORE_KILL && clients.iter().any(|(task, _)| !task.is_finished()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let first = clients.iter().find_map(|(_, new)| new.lock().unwrap().first().cloned());
        let first = first.expect("a certificate");
        let (status, answer) =
            answer_to(&control, "/revoke", &serde_json::json!({ "serial": serial(&first) }));
        assert_eq!(status, 200, "{answer}");
        server.running.kill();
        revoked.push(first);
        for (task, new) in clients {
            task.await.unwrap();
            given.append(&mut new.lock().unwrap());
        }
    }
    assert!(given.len() >= KILLS * BEFORE_KILL, "{} were given", given.len());
    let kept: HashSet<Vec<u8>> = kept(PersonalityName::Linux, state.path()).into_iter().collect();
    assert!(given.iter().all(|one| kept.contains(&one.to_der().unwrap())));
    let serials: HashSet<String> = given.iter().map(serial).collect();
    assert_eq!(serials.len(), given.len());
}

/// The revocation list that the server gives out at the distribution point of a certificate.
async fn list_for(certificate: &X509, authority: &str) -> X509Crl {
    let points = scep::revocation_list::distribution_points(certificate);
    let path = points.first().and_then(|url| url.strip_prefix("http://")?.split_once('/'));
    let (_, path) = path.expect("a distribution point");
    let request = HttpRequest {
        method: Method::Get,
        query: String::new(),
        content_type: None,
        body: Vec::new(),
    };
    let response = exchange(authority, &format!("/{path}"), &request).await;
    X509Crl::from_der(&response.unwrap().body).unwrap()
}

/// Enrols under one name after another until the server has ended.
async fn enrol_until_it_breaks(authority: String, name: String, given: Arc<Mutex<Vec<X509>>>) {
    for number in 0.. {
        let mut client = Client::new(settings(&format!("CN=client-{name}-{number}"), None));
        let mut request = client.start();
        loop {
            let Ok(response) = exchange(&authority, LINUX, &request).await else { return };
            match client.receive(&response, Clock::system().now(), &mut rand_bytes).unwrap() {
                Next::Send(next) => request = next,
                Next::Issued(certificate) => break given.lock().unwrap().push(certificate),
                Next::Pending => panic!("a request waits"),
            }
        }
    }
}
