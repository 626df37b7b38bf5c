//! The control API of a mock CA.

use std::sync::Arc;

use async_trait::async_trait;
use mock_ca::{
    Approval, Ca, ChallengePolicy, FaultRule, PersonalityName, Settings,
    control::{Control, Exchanged, ScepService},
};
use scep::{
    attribute::MessageType,
    client::CaCertificates,
    http::{HttpRequest, Method, Operation},
    name,
    request::{ChallengeString, CsrBuilder},
    secret::Secret,
};
use serde_json::Value;

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{
        CHALLENGE, DEVICE, entropy, exchange, now, request_message, response, run, transaction_id,
    },
    text,
};

/// How many calls of an input are made.
const CALLS: usize = 16;

/// Makes a call of each line, `METHOD PATH BODY`, to the control API of a CA: to that for everybody, and to that for a lab.
///
/// A request waits for a decision if the data names its transaction.
///
/// # Panics
/// If an answer is no JSON, a refusal gives no reason, a fault is another one once it was written, or a challenge password is told to
/// who is no lab.
pub fn control_api(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let lines = String::from_utf8_lossy(data);
    let ca = open();
    if lines.contains(transaction_id().as_str()) {
        enrol(&ca);
    }
    let controls = [
        (Control::new(Arc::clone(&ca)), true),
        (Control::within_lab(Arc::clone(&ca), Arc::new(Nowhere)), false),
    ];
    for line in lines.lines().take(CALLS) {
        for (control, is_public) in &controls {
            let body = call(control, line);
            let shows = is_public & body.contains(CHALLENGE) & !lines.contains(CHALLENGE);
            assert!(!shows, "the challenge password is shown: {body}");
        }
    }
    for fault in ca.faults() {
        let written = fault.rule.to_string();
        text::check(&written);
        assert_eq!(written.parse::<FaultRule>().as_ref(), Ok(&fault.rule));
    }
    ca.log().iter().for_each(|entry| text::check(&entry.to_string()));
}

fn open() -> Arc<Ca> {
    let mut settings = Settings::new("fuzz", PersonalityName::Rfc8894);
    settings.approval = Approval::Manual;
    settings.challenge = ChallengePolicy::Static(Secret::new(CHALLENGE));
    Ca::open(settings, scep::clock::Clock::reading(now)).expect("a lab CA needs nothing")
}

/// Asks for a certificate.
fn enrol(ca: &Arc<Ca>) {
    let certificates = CaCertificates::sort(ca.certificates()).expect("the CA's certificates");
    let message = request_message(MessageType::PkcsReq);
    let csr = CsrBuilder {
        subject: &name::parse("CN=fuzz").expect("a name"),
        key: &DEVICE.key,
        challenge_password: Some(&Secret::new(CHALLENGE)),
        challenge_string: ChallengeString::default(),
        extensions: &[],
        digest: message.digest,
    };
    let csr = csr.encode().expect("a request can be encoded");
    let encoded = message.encode(&csr, certificates.recipient(now()), &mut entropy);
    let operation = Operation::PkiOperation(encoded.expect("a request can be encoded"));
    let (path, query) = (ca.paths()[0], operation.to_http(Method::Get).query);
    let sent = format!("GET {path}?{query} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n");
    let serve = |io| ca.serve_connection(io, "fuzz".to_owned());
    run(exchange(serve, sent.as_bytes(), false));
    assert_eq!(ca.pending().expect("the state can be read").len(), 1);
}

/// The body of the answer to a call.
fn call(control: &Arc<Control>, line: &str) -> String {
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_token = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    // What is no request at all, hyper refuses.
    if !is_token(method) || !is_token(path) || !path.starts_with('/') {
        return String::new();
    }
    let length = body.len();
    let sent = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = run(exchange(|io| control.serve_connection(io), sent.as_bytes(), false));
    let (status, body) = response(&answer);
    if body.is_empty() {
        // The answer to HEAD, or hyper's own.
        return String::new();
    }
    let value: Value = serde_json::from_slice(body).expect("an answer in JSON");
    if status != 200 {
        let reason = value.get("error").and_then(Value::as_str).expect("a reason");
        assert!(!reason.is_empty(), "an empty reason");
    }
    value.to_string()
}

/// The way to a CA that nobody reaches.
struct Nowhere;

#[async_trait]
impl ScepService for Nowhere {
    async fn exchange(&self, _: &HttpRequest, _: &str) -> std::io::Result<Exchanged> {
        Ok(Exchanged::Unanswered("there is no network".to_owned()))
    }
}
