//! Every fault of the mock CA, in an enrolment by a plain client: who is wrong, in one line each.

use std::fmt::Write as _;
use std::time::Duration;

use explain::explanation::{AtFault, Explanation, Part, Severity};
use explain::item::{Content, Exchange, Gap, InputItem, Reply, Request};
use explain::{Knowledge, explain};
use mock_ca::{Fault, MockCa, PersonalityName, RunningCa, Trigger};
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use results::requirement::Requirement;
use scep::client::{Client, Next, Settings};
use scep::clock::Clock;
use scep::http::{HttpRequest, HttpResponse, Method};
use scep::secret::Secret;
use scep::url::HttpUrl;
use ureq::Agent;
use ureq::http::Response;

use crate::support::snapshots::assert_output_of;

/// The challenge password of the CA.
pub(super) const PASSWORD: &str = "s3cret-of-faults";

/// Faults that are no finding, and why.
const UNSEEN: [(Fault, &str); 16] = [
    (Fault::Delay(Duration::ZERO), "the time of an answer is not judged"),
    (Fault::CloseConnection, "the verdict says so"),
    (Fault::CapsUnknownWords, "unknown words are to be ignored"),
    (Fault::CaCertificatesReversed, "their order means nothing"),
    (Fault::UnsortedAttributes, "the signature is made over what was sent"),
    (Fault::NoCertificates, "the client has the signer's certificate from GetCACert"),
    (Fault::UnrelatedCertificate, "a message may have further certificates"),
    (Fault::CombinedSignatureAlgorithm, "the algorithm of a signature may name its digest"),
    (Fault::CapsCrlf, "every client reads these line ends"),
    (Fault::CapsBlankLines, "every client passes over them"),
    (Fault::ExtraAttribute, "a signed attribute may be unknown"),
    (Fault::NoParameters, "both forms are to be read"),
    (Fault::Aes256Reply, "AES is what RFC 8894 asks for"),
    (Fault::Pending(1), "the verdict says so"),
    (Fault::CertificatesPresent, "a CA may put its certificates into the message"),
    (Fault::ChainInReply, "a reply may have the chain"),
];

/// A personality that the fault suits, and the request that it answers.
fn place(fault: Fault) -> (PersonalityName, Trigger) {
    let personality = [PersonalityName::Rfc8894, PersonalityName::Ndes, PersonalityName::Linux];
    let personality = personality.into_iter().find(|it| fault.suits(*it)).unwrap();
    let triggers =
        [Trigger::PkcsReq, Trigger::GetCaCert, Trigger::GetCaCaps, Trigger::GetNextCaCert];
    let trigger = triggers.into_iter().find(|it| fault.fits(*it)).unwrap();
    (personality, trigger)
}

/// An enrolment at a CA with this fault, as it was seen on the wire.
pub(super) fn enrolment(fault: Fault, key: &PKey<Private>) -> Vec<InputItem> {
    let (personality, trigger) = place(fault);
    let rule = format!("on: {trigger}, do: {fault}");
    // A refusal, if that is what the fault is about.
    let is_refused =
        matches!(fault, Fault::NoFailInfo | Fault::UnknownFailInfo | Fault::PayloadInFailure);
    let challenge = if is_refused { "wrong" } else { PASSWORD };
    let mut ca = MockCa::new(personality).challenge(PASSWORD);
    if matches!(fault, Fault::PayloadInPending) {
        ca = ca.manual_approval();
    }
    exchanged(ca.fault(&rule).unwrap(), challenge, trigger == Trigger::GetNextCaCert, key)
}

/// What a plain client exchanges with this CA: an enrolment, or only the certificates of the CA and of the next one.
pub(super) fn exchanged(
    ca: MockCa,
    challenge: &str,
    is_next_ca: bool,
    key: &PKey<Private>,
) -> Vec<InputItem> {
    exchanged_with(&ca.start_blocking().unwrap(), challenge, is_next_ca, key)
}

/// The same with a CA that runs already.
pub(super) fn exchanged_with(
    ca: &RunningCa,
    challenge: &str,
    is_next_ca: bool,
    key: &PKey<Private>,
) -> Vec<InputItem> {
    let url: HttpUrl = ca.url().parse().unwrap();
    let mut settings = Settings::new(key.clone(), scep::name::parse("CN=device").unwrap());
    settings.challenge = Some(Secret::new(challenge));
    let mut client = Client::new(settings);
    let mut request = client.start();
    let mut seen = Vec::new();
    if is_next_ca {
        let next = scep::http::Operation::GetNextCaCert(None).to_http(Method::Get);
        let first = scep::http::Operation::GetCaCert(None).to_http(Method::Get);
        for request in [first, next] {
            let response = send(&url, &request);
            seen.push(item(&request, response.as_ref()));
        }
        return seen;
    }
    for _ in 0..4 {
        let response = send(&url, &request);
        seen.push(item(&request, response.as_ref()));
        let Some(response) = response else { break };
        match client.receive(&response, Clock::system().now(), &mut rand_bytes) {
            Ok(Next::Send(next)) => request = next,
            _ => break,
        }
    }
    seen
}

fn send(url: &HttpUrl, request: &HttpRequest) -> Option<HttpResponse> {
    let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let (head, body) = Agent::from(agent).run(request.at(url).unwrap()).ok()?.into_parts();
    let body = body.into_with_config().limit(1 << 21).read_to_vec().ok()?;
    Some(Response::from_parts(head, body).into())
}

fn item(request: &HttpRequest, response: Option<&HttpResponse>) -> InputItem {
    let named = |content_type: &Option<String>| {
        content_type.iter().map(|it| ("Content-Type".to_owned(), it.clone())).collect()
    };
    let gaps = if response.is_none() {
        vec![Gap::Unanswered("the connection ended without a reply".to_owned())]
    } else {
        Vec::new()
    };
    let exchange = Exchange {
        request: Some(Request {
            method: request.method.as_str().to_owned(),
            target: format!("/scep?{}", request.query),
            fields: named(&request.content_type),
            body: request.body.clone(),
            ..Request::default()
        }),
        reply: response.map(|response| Reply {
            status: Some(response.status),
            fields: named(&response.content_type),
            body: response.body.clone(),
            ..Reply::default()
        }),
        gaps,
        ..Exchange::default()
    };
    InputItem {
        taken_for: Vec::new(),
        origin: "wire".to_owned(),
        content: Content::Exchange(exchange),
    }
}

/// What differs from run to run.
pub(super) fn stable(text: &str) -> String {
    let digits = regex::Regex::new(r"\b[0-9A-Fa-f]{16,}\b").unwrap();
    let dates = regex::Regex::new(r"[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4} GMT").unwrap();
    let places = regex::Regex::new(r"at byte \d+, in .*").unwrap();
    let spans = regex::Regex::new(r"\d+ days?(?: \d+ h)?").unwrap();
    let patterns =
        [(digits, "<digits>"), (dates, "<date>"), (places, "<place>"), (spans, "<time>")];
    patterns.iter().fold(text.to_owned(), |text, (pattern, name)| {
        pattern.replace_all(&text, *name).into_owned()
    })
}

/// A finding about an end may cite only what this end must do.
fn assert_bases_fit(part: &Part, fault: Fault) {
    for finding in part.all_findings() {
        let id = finding.basis.as_ref().and_then(|basis| basis.requirement);
        if let (Some(id), Some(end)) = (id, finding.by) {
            let requirement = Requirement::of_id(id).unwrap();
            assert!(requirement.ends.contains(&end), "{}: {finding:?}", fault.name());
        }
    }
}

/// The findings that are nobody's mistake.
fn remarks(explanation: &Explanation) -> Vec<String> {
    let all = explanation.messages.iter().flat_map(Part::all_findings);
    let remarks = all.filter(|finding| finding.severity != Severity::Wrong);
    remarks.map(|finding| stable(&finding.words)).collect()
}

#[test]
fn verdict_about_each_fault_is_right() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let (mut told, mut undocumented) = (String::new(), Vec::new());
    // A faulty handshake leaves no message.
    for fault in Fault::ALL.iter().filter(|fault| !fault.fits(Trigger::Handshake)) {
        let items = enrolment(*fault, &key);
        let ca = MockCa::new(place(*fault).0).challenge(PASSWORD);
        let without_fault = exchanged(ca, PASSWORD, false, &key);
        // What is looked at was made before.
        let mut knowledge = Knowledge::new(Clock::system().now());
        knowledge.keys.push(key.clone());
        let explanation = explain(items, &knowledge);
        explanation.messages.iter().for_each(|part| assert_bases_fit(part, *fault));
        let verdict = &explanation.verdict;
        let reason = stable(&verdict.reason);
        writeln!(told, "{}: {}: {reason}", fault.name(), verdict.at_fault).unwrap();
        if verdict.at_fault == AtFault::Server {
            continue;
        }
        // What is unusual, and no mistake that every client refuses.
        let right = remarks(&explain(without_fault, &knowledge));
        let unusual: Vec<String> =
            remarks(&explanation).into_iter().filter(|it| !right.contains(it)).collect();
        let unseen = UNSEEN.iter().find(|(other, _)| other.name() == fault.name());
        if unusual.is_empty() != unseen.is_some() {
            undocumented.push(format!("{}: {unusual:?}", fault.name()));
        }
        for words in unusual.iter().map(String::as_str).chain(unseen.map(|(_, why)| *why)) {
            writeln!(told, "  {words}").unwrap();
        }
    }
    assert!(undocumented.is_empty(), "{undocumented:#?}");
    assert_output_of("../suite/explain/snapshots", "faults", &told);
}
