use std::sync::Arc;

use scep::clock::Clock;
use scep::http::{HttpResponse, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpListener;

use super::*;
use crate::connector::KeptConnection;
use crate::exit::Exits;
use diagnostics::Source;
use model::scenario::seen::SeenFact;
use model::scep_url::ScepUrl;

const LAB: &str = "
hosts: {server: {addresses: [10.0.0.2/30], runs: ca}}
pki:
  ca:
    personality: ndes
    challenge: {static: 8CE317021F6900691ED0DD50F7459D6E}
    faults: [{on: GetCACaps, do: close-connection}]
";

fn lab() -> Lab {
    Lab::parse(&Source::new("lab", LAB.to_owned())).unwrap()
}

fn ca() -> LabCa {
    LabCa::open("ca", &lab().pkis["ca"], None, &Clock::system()).unwrap()
}

/// A part whose server was killed.
fn exited() -> LabPart {
    let exits = Arc::<Exits>::default();
    exits.record("server".to_owned(), "server was killed".to_owned());
    LabPart::new("server", &exits)
}

/// A CA behind one connection, as in a container.
async fn far_away(ca: &LabCa) -> MockPki<KeptConnection> {
    let (ours, theirs) = duplex(1024);
    let control = ca.control();
    tokio::spawn(async move { control.serve_connection(theirs).await });
    let transport = KeptConnection::open(ours).await.unwrap();
    MockPki::in_lab(&lab(), "ca", transport, exited())
}

fn get(query: &str) -> HttpRequest {
    let query = query.to_owned();
    HttpRequest { method: Method::Get, query, content_type: None, body: Vec::new() }
}

async fn answers_as_the_ca_itself(pki: &dyn Pki, ca: &LabCa) {
    assert_eq!(pki.approve().await, Ok(Decision::NothingPending));
    assert_eq!(pki.deny().await, Ok(Decision::NothingPending));
    assert_eq!(pki.scep().unwrap().asks_for_challenge().await, Ok(true));
    let password = Secret::new("8CE317021F6900691ED0DD50F7459D6E");
    assert_eq!(pki.scep().unwrap().challenge(false).await, Ok(Some(password)));
    assert_eq!(pki.issued().await, Ok(Vec::new()));
    let pem = String::from_utf8(ca.ca.ca_certificate().to_pem().unwrap()).unwrap();
    assert_eq!(pki.ca_certificate().await, Ok(pem));
    let cut = pki.scep().unwrap().exchange(&get("operation=GetCACaps"), "").await.unwrap();
    assert!(matches!(cut, Exchanged::Unanswered(_)), "{cut:?}");
    let rule = "on: GetCACaps, do: close-connection".to_owned();
    assert_eq!(pki.faults().await, Ok(vec![FaultCount { rule, fired: 1 }]));
    assert_eq!(pki.denied().await, Ok(0));
    let keys = pki.keys().await.unwrap();
    let roles: Vec<Role> = keys.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, [Role::Ca, Role::RaSigning, Role::RaEncryption]);
    for (_, identity) in &keys {
        assert!(identity.certificate.public_key().unwrap().public_eq(&identity.key));
    }
    assert_eq!(keys[0].1.certificate, ca.ca.ca_certificate());
    let seen = pki.seen().await.unwrap();
    assert_eq!(seen[0].value(SeenFact::Operation), Some("GetCACaps"));
    assert_eq!(pki.log().await, ca.ca.log().iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_call_returns_the_answer_of_the_ca() {
    let near = ca();
    answers_as_the_ca_itself(&MockPki::in_this_process(&near), &near).await;
    let far = ca();
    answers_as_the_ca_itself(&far_away(&far).await, &far).await;
}

#[tokio::test]
async fn requests_and_answers_pass_unchanged() {
    let ca = ca();
    let pki = far_away(&ca).await;
    let request = HttpRequest {
        method: Method::Post,
        query: "operation=GetCACert&message=%2B".to_owned(),
        content_type: Some("application/x-pki-message".to_owned()),
        body: (0..=255).rev().collect(),
    };
    let Ok(Exchanged::Answered(HttpResponse { status, body, .. })) =
        pki.scep().unwrap().exchange(&request, "/other").await
    else {
        panic!("no answer");
    };
    assert_eq!((status, body.is_empty()), (404, false));
    let Ok(Exchanged::Answered(HttpResponse { status, body, .. })) =
        pki.scep().unwrap().exchange(&get("operation=GetCACert"), "").await
    else {
        panic!("no answer");
    };
    assert_eq!(status, 200);
    let direct = MockPki::in_this_process(&ca).exchange(&get("operation=GetCACert"), "").await;
    assert!(matches!(direct, Ok(Exchanged::Answered(answer)) if answer.body == body));
    let asked = ca.ca.requests();
    assert!(asked[0].path.ends_with("/other"), "{}", asked[0].path);
    assert_eq!(asked[0].method, "POST");
    assert_eq!(asked[0].content_type.as_deref(), Some("application/x-pki-message"));
}

#[tokio::test]
async fn cancelled_call_leaves_the_connection_usable() {
    let pki = far_away(&ca()).await;
    tokio::select! {
        biased;
        seen = pki.seen() => panic!("{seen:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(pki.denied().await, Ok(0));
}

#[tokio::test]
async fn url_of_a_ca_in_a_lab_has_the_first_address_of_its_host() {
    let url = far_away(&ca()).await.url().await.unwrap();
    assert_eq!(url, "http://10.0.0.2:80/certsrv/mscep/mscep.dll");
}

#[tokio::test]
async fn unanswered_call_is_explained_by_the_exit_of_the_process() {
    let (ours, theirs) = duplex(1024);
    let transport = KeptConnection::open(ours).await.unwrap();
    let pki = MockPki::in_lab(&lab(), "ca", transport, exited());
    drop(theirs);
    let broken = PkiError::Broken { reason: "server was killed".to_owned() };
    assert_eq!(pki.seen().await, Err(broken));
    assert_eq!(pki.log().await, ["the PKI broke: server was killed"]);
    assert_eq!(pki.broken().await, "server was killed");
}

#[tokio::test]
async fn refused_call_reports_the_reason_of_the_ca() {
    let plan = LAB.replace("static: 8CE317021F6900691ED0DD50F7459D6E", "one-time: []");
    let lab = Lab::parse(&Source::new("lab", plan)).unwrap();
    let ca = LabCa::open("ca", &lab.pkis["ca"], None, &Clock::system()).unwrap();
    let refused = loop {
        // A server of this kind keeps only a limited number of unused passwords.
        if let Err(refused) = ca.ca.new_challenge() {
            break refused.to_string();
        }
    };
    let challenge = MockPki::in_this_process(&ca).challenge(false).await;
    assert_eq!(challenge, Err(PkiError::Broken { reason: refused }));
}

/// A server that answers the requests with `answers` in turn, and a future of the request lines that it received.
async fn serve(
    answers: Vec<(u16, &'static str)>,
) -> (MockPki<Connections>, impl Future<Output = Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: ScepUrl = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let serving = tokio::spawn(async move {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            asked.push(text.lines().next().unwrap_or_default().to_owned());
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
        asked
    });
    let connections = Connections::by_url(url.clone(), Duration::from_secs(60));
    (MockPki::by_url(url.to_string(), connections), async { serving.await.unwrap() })
}

const PENDING: &str = r#"[{"transaction_id":"A","subject":"CN = a"},
    {"transaction_id":"B","subject":"CN = b"}]"#;

const APPROVED: &str = r#"{"approved":"B","serial":"02"}"#;

#[tokio::test]
async fn oldest_pending_request_is_decided_except_others() {
    let (port, asked) = serve(vec![(200, PENDING), (200, APPROVED), (200, PENDING)]).await;
    let others = BTreeSet::from([TransactionId::new("A")]);
    let decided = port.decide(control::Decision::Approve, &others).await;
    assert_eq!(decided, Ok(Decision::Decided { subject: "CN = b".to_owned() }));
    let others = BTreeSet::from(["A", "B"].map(TransactionId::new));
    let decided = port.decide(control::Decision::Deny, &others).await;
    assert_eq!(decided, Ok(Decision::NothingPending));
    let heads = ["GET /pending HTTP/1.1", "POST /approve HTTP/1.1", "GET /pending HTTP/1.1"];
    assert_eq!(asked.await, heads);
}

#[tokio::test]
async fn refusals_and_invalid_answers_of_the_control_api_are_reported() {
    let refusal = r#"{"error":"it waits\u0007 no more"}"#;
    let (port, _asked) =
        serve(vec![(200, PENDING), (409, refusal), (200, "<html>"), (404, "")]).await;
    let error =
        port.decide(control::Decision::Deny, &BTreeSet::new()).await.unwrap_err().to_string();
    assert!(error.contains("`/deny` is answered HTTP 409: it waits"), "{error}");
    assert!(!error.contains('\u{7}'), "{error}");
    let error = port.issued().await.unwrap_err().to_string();
    assert!(error.contains("is not that of `sceplab serve --control`"), "{error}");
    let error = port.issued().await.unwrap_err().to_string();
    assert!(error.contains("`/issued` is answered HTTP 404"), "{error}");
}
