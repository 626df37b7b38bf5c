//! The control API of a mock CA.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mock_ca::{
    Approval, Ca, ChallengePolicy, DistributionPoint, FaultRule, LaterDecision, PersonalityName,
    Settings,
    control::{Control, Exchanged, ScepService},
};
use scep::{
    certificate::{is_issued_by, is_valid},
    client::CaCertificates,
    http::{HttpRequest, Method, Operation},
    revocation_list::RevocationList,
    secret::Secret,
};
use serde_json::Value;

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{self, CHALLENGE, exchange, get, now, response, run, transaction_id},
    text,
};

const DAY: Duration = Duration::from_secs(86_400);

/// How many calls of an input are made.
const CALLS: usize = 16;

/// Makes a call of each line, `METHOD PATH BODY`, to the control API of a CA: to that for everybody, and to that for a lab.
///
/// A request waits for a decision if the data names its transaction.
///
/// # Panics
/// If an answer is no JSON, a refusal gives no reason, a fault is another one once it was written, a challenge password is told to
/// who is no lab, or the CA then gives out a revocation list or a next CA that a client refuses.
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
    check_upkeep(&ca);
    ca.log().iter().for_each(|entry| text::check(&entry.to_string()));
}

/// Whatever was called, the CA's revocation list and its next CA are such that a client takes them.
fn check_upkeep(ca: &Arc<Ca>) {
    let certificate = ca.ca_certificate();
    let time = ca.clock().now();
    if !ca.faults().is_empty() || !is_valid(&certificate, time) {
        return;
    }
    // Each call may have made another CA, in both controls; CAs are counted from 1.
    let mut lists = (1..=2 * CALLS + 2).filter_map(|number| {
        RevocationList::read(&get(ca, &format!("/ca-{number}.crl")).body).ok()
    });
    let list = lists.find(|list| list.check_issuer(&certificate).is_ok());
    let list = list.expect("the list of the CA");
    assert!(list.this_update() <= time, "{list:?} at {time:?}");
    for issued in ca.issued().expect("the state can be read") {
        let is_of_the_ca = is_issued_by(&issued.certificate, &certificate);
        let is_listed = list.entry(&issued.certificate).is_some();
        assert!(!is_of_the_ca || is_listed == issued.revoked.is_some(), "{list:?}");
        list.check_about(&issued.certificate).expect("the list of the certificate");
    }
    let query = Operation::GetNextCaCert(None).to_http(Method::Get).query;
    let answer = get(ca, &format!("{}?{query}", ca.paths()[0]));
    let known = CaCertificates::sort(ca.certificates()).expect("the CA's certificates");
    match (known.read_next(&answer, time), ca.next_ca()) {
        (Ok(next), Some((certificate, _))) => assert!(next.ca.contains(&certificate)),
        (Err(_), None) => {}
        (read, next) => panic!("{read:?}, and the next CA is {next:?}"),
    }
}

fn open() -> Arc<Ca> {
    let mut settings = Settings::new("fuzz", PersonalityName::Rfc8894);
    settings.approval = Approval::Manual;
    settings.challenge = ChallengePolicy::Static(Secret::new(CHALLENGE));
    settings.address = Some("ca".to_owned());
    settings.crl.distribution_point = Some(DistributionPoint::Here);
    settings.later_decision = Some(LaterDecision { after: 3 * DAY, denies: false });
    Ca::open(settings, scep::clock::Clock::reading(now)).expect("a lab CA needs nothing")
}

/// Asks for a certificate.
fn enrol(ca: &Arc<Ca>) {
    fixtures::enrol(ca, transaction_id());
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
