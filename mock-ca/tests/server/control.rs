//! The two ends of the control API, connected.

use std::{collections::BTreeSet, io, sync::Arc};

use async_trait::async_trait;
use mock_ca::{
    Approval, Ca, ChallengePolicy, PersonalityName, RevocationReason,
    control::{
        Client, Control, ControlError, CountDenied, Decision, Describe, Exchange, Exchanged,
        Inject, ListFaults, ListIssued, ListKeys, ListPending, ListRequests, MakeChallenge,
        ReadLog, Revoke, ScepService, Transport,
    },
};
use scep::http::{HttpRequest, HttpResponse, Method, Operation};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::Mutex,
};

use crate::client::{LINUX, carry, enrol, open_with, parse, password, settings};

/// A connection that stays open.
struct KeptAlive(Mutex<DuplexStream>);

impl Transport for KeptAlive {
    type Error = io::Error;

    async fn send(&self, path: &str, request: HttpRequest) -> io::Result<HttpResponse> {
        let mut stream = self.0.lock().await;
        let method = if request.method == Method::Get { "GET" } else { "POST" };
        let content_type =
            request.content_type.map(|it| format!("Content-Type: {it}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{content_type}\r\n",
            request.body.len()
        );
        stream.write_all(&[head.as_bytes(), &request.body].concat()).await?;
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\n") {
            response.push(stream.read_u8().await?);
        }
        let head = parse(&response);
        let length = head.header("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        Ok(HttpResponse { status: head.status, body, ..HttpResponse::default() })
    }
}

/// Access to the SCEP service of a CA in memory.
struct InMemory(Arc<Ca>);

#[async_trait]
impl ScepService for InMemory {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> io::Result<Exchanged> {
        match suffix {
            "/closed" => Err(io::ErrorKind::ConnectionRefused.into()),
            "/cut" => Ok(Exchanged::Unanswered("cut".to_owned())),
            _ => {
                Ok(Exchanged::Answered(carry(&self.0, &format!("{LINUX}{suffix}"), request).await))
            }
        }
    }
}

fn connected(control: Arc<Control>) -> Client<KeptAlive> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { control.serve_connection(far).await });
    Client::new(KeptAlive(Mutex::new(near)))
}

fn within_lab(ca: &Arc<Ca>) -> Client<KeptAlive> {
    connected(Control::within_lab(Arc::clone(ca), Arc::new(InMemory(Arc::clone(ca)))))
}

#[tokio::test]
async fn replies_are_equal_to_what_the_ca_has() {
    let challenge = ChallengePolicy::Static(password("right"));
    let ca = open_with(PersonalityName::Linux, |settings| settings.challenge = challenge);
    enrol(&ca, LINUX, settings(Some("right"))).await.unwrap();
    enrol(&ca, LINUX, settings(Some("wrong"))).await.unwrap_err();
    let client = within_lab(&ca);
    let fault = "on: CertPoll, nth: 2, do: delay 2s".to_owned();
    client.call(&Inject { fault }).await.unwrap();

    // Times travel in whole seconds.
    let whole = |mut request: mock_ca::SeenRequest| {
        request.at = std::time::UNIX_EPOCH;
        request
    };
    let requests: Vec<_> =
        client.call(&ListRequests).await.unwrap().into_iter().map(whole).collect();
    assert_eq!(requests, ca.requests().into_iter().map(whole).collect::<Vec<_>>());
    assert!(requests.iter().any(|it| it.message.as_ref().is_some_and(|it| it.csr.is_some())));
    let issued = client.call(&ListIssued).await.unwrap();
    assert_eq!(issued[0].certificate, ca.issued().unwrap()[0].certificate);
    assert_eq!((issued[0].serial.as_str(), issued[0].revoked), ("02", None));
    // Another spelling of the same number.
    let reason = RevocationReason::Superseded;
    client.call(&Revoke { serial: "00:02".to_owned(), reason }).await.unwrap();
    assert!(client.call(&ListIssued).await.unwrap()[0].revoked.is_some());
    assert_eq!(client.call(&ListFaults).await.unwrap(), ca.faults());
    assert_eq!(client.call(&CountDenied).await.unwrap(), 1);
    let log: Vec<_> = ca.log().iter().map(ToString::to_string).collect();
    assert_eq!(client.call(&ReadLog).await.unwrap(), log);
    let description = client.call(&Describe).await.unwrap();
    assert_eq!((description.name.as_str(), description.asks_for_challenge), ("test", true));
    assert_eq!(description.certificate, ca.ca_certificate());
}

#[tokio::test]
async fn oldest_waiting_request_is_decided() {
    let approval = Approval::Manual;
    let ca = open_with(PersonalityName::Rfc8894, |settings| settings.approval = approval);
    for _ in 0..2 {
        let mut device = scep::client::Client::new(settings(None));
        let first = device.start();
        let waits = crate::client::drive(&ca, "/", &mut device, first).await.unwrap();
        assert_eq!(waits, None);
    }
    let client =
        connected(Control::within_lab(Arc::clone(&ca), Arc::new(InMemory(Arc::clone(&ca)))));
    let pending = client.call(&ListPending).await.unwrap();
    assert_eq!(pending, ca.pending().unwrap());
    let others = BTreeSet::from([pending[0].transaction_id.clone()]);
    let second = client.decide(Decision::Approve, &others).await.unwrap();
    assert_eq!(second.as_ref(), Some(&pending[1]));
    assert_eq!(client.decide(Decision::Deny, &others).await.unwrap(), None);
    let first = client.decide(Decision::Deny, &BTreeSet::new()).await.unwrap();
    assert_eq!(first.as_ref(), Some(&pending[0]));
    assert_eq!((ca.issued().unwrap().len(), ca.pending().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn lab_gets_passwords_and_access_to_the_service() {
    let challenge = ChallengePolicy::one_time(Vec::new());
    let ca = open_with(PersonalityName::Linux, |settings| settings.challenge = challenge);
    let client = within_lab(&ca);
    let made = client.call(&MakeChallenge).await.unwrap().unwrap();
    enrol(&ca, LINUX, settings(Some(made.expose()))).await.unwrap();
    let get_ca_caps = Operation::GetCaCaps(None).to_http(Method::Get);
    let exchange =
        |suffix: &str| Exchange { request: get_ca_caps.clone(), suffix: suffix.to_owned() };
    let answered = client.call(&exchange("")).await.unwrap();
    assert!(matches!(answered, Exchanged::Answered(response) if response.status == 200));
    let answered = client.call(&exchange("/elsewhere")).await.unwrap();
    assert!(matches!(answered, Exchanged::Answered(response) if response.status == 404));
    let unanswered = client.call(&exchange("/cut")).await.unwrap();
    assert_eq!(unanswered, Exchanged::Unanswered("cut".to_owned()));
    let closed = client.call(&exchange("/closed")).await.unwrap_err().to_string();
    assert_eq!(closed, "`/exchange` is answered HTTP 502: connection refused");
}

#[tokio::test]
async fn other_users_of_the_machine_get_no_password() {
    let challenge = ChallengePolicy::one_time(Vec::new());
    let ca = open_with(PersonalityName::Linux, |settings| settings.challenge = challenge);
    let client = || connected(Control::new(Arc::clone(&ca)));
    let refused = client().call(&ListKeys).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused { path: "/keys", status: 404, .. }));
    let refused = client().call(&MakeChallenge).await.unwrap_err();
    let ControlError::Refused { path: "/challenge", status: 404, reason: Some(reason) } = refused
    else {
        panic!("{refused}")
    };
    assert!(reason.starts_with("there are GET /issued, GET /requests, "), "{reason}");
    assert!(!reason.contains("/challenge") && !reason.contains("/exchange"), "{reason}");
    assert!(!reason.contains("/keys"), "{reason}");
}
