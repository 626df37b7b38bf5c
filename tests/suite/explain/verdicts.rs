//! Verdicts about messages of which something is missing, or which were made for one question.

use explain::exhibit::{Content, Exhibit};
use explain::explanation::{AtFault, Explanation, Part, Severity};
use explain::{Knowledge, explain};
use mock_ca::Fault;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use scep::algorithm::Digest;
use scep::attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId};
use scep::clock::Clock;
use scep::identity::Identity;
use scep::message::MessageBuilder;
use scep::name;
use scep::request::self_signed;

use super::faults::enrolment;

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn identity(subject: &str) -> Identity {
    let subject = name::parse(subject).unwrap();
    self_signed(&subject, &key(), Digest::Sha256, Clock::system().now()).unwrap()
}

fn knowing(key: &PKey<Private>) -> Knowledge {
    let mut knowledge = Knowledge::new(Clock::system().now());
    knowledge.keys.push(key.clone());
    knowledge
}

/// The last reply of an enrolment with this fault, alone.
fn reply_alone(fault: Fault, key: &PKey<Private>) -> Vec<Exhibit> {
    let mut last = enrolment(fault, key).pop().unwrap();
    if let Content::Exchange(exchange) = &mut last.content {
        exchange.request = None;
    }
    vec![last]
}

fn file(name: &str, bytes: Vec<u8>) -> Exhibit {
    Exhibit { taken_for: Vec::new(), origin: name.to_owned(), content: Content::Bytes(bytes) }
}

fn has(explanation: &Explanation, severity: Severity, words: &str) -> bool {
    let mut all = explanation.messages.iter().flat_map(Part::all_findings);
    all.any(|it| it.severity == severity && it.words.contains(words))
}

/// A refusal with this reason, signed by `signer`.
fn refusal(fail_info: FailInfo, signer: &Identity) -> MessageBuilder {
    MessageBuilder {
        message_type: Some(MessageType::CertRep),
        transaction_id: Some(TransactionId::new("refused")),
        sender_nonce: Some(Nonce::new([1; 16])),
        recipient_nonce: Some(Nonce::new([2; 16])),
        pki_status: Some(PkiStatus::Failure),
        fail_info: Some(fail_info),
        certificates: vec![signer.certificate.clone()],
        ..MessageBuilder::default()
    }
}

#[test]
fn reply_with_unverified_signature_is_not_called_right() {
    let key = key();
    let explanation = explain(reply_alone(Fault::NoCertificates, &key), &knowing(&key));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Unknown, "{verdict:?}");
    let words = "the signature of the reply was not verified: ";
    assert!(verdict.reason.starts_with(words), "{verdict:?}");
    assert!(verdict.reason.contains("--ca"), "{verdict:?}");
}

#[test]
fn granted_reply_without_its_request_is_compared_with_nothing() {
    let key = key();
    let explanation = explain(reply_alone(Fault::CertificatesPresent, &key), &knowing(&key));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Nobody, "{verdict:?}");
    assert!(verdict.reason.contains("compared with nothing"), "{verdict:?}");
    assert!(verdict.next.iter().any(|it| it.contains("--ca")), "{verdict:?}");
}

#[test]
fn expired_signer_of_a_reply_alone_is_told() {
    let key = key();
    let explanation = explain(reply_alone(Fault::ExpiredSigner, &key), &knowing(&key));
    assert!(has(&explanation, Severity::Odd, "which expired"), "{explanation:?}");
}

#[test]
fn refusal_comes_before_what_is_wrong_in_it() {
    let key = key();
    let explanation = explain(enrolment(Fault::PayloadInFailure, &key), &knowing(&key));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Server, "{verdict:?}");
    let start = "the request was refused: FAILURE, badMessageCheck";
    assert!(verdict.reason.starts_with(start), "{verdict:?}");
    assert!(verdict.reason.contains("; also wrong in the reply: a FAILURE has"), "{verdict:?}");
}

#[test]
fn end_of_the_connection_is_no_answer() {
    let key = key();
    let explanation = explain(enrolment(Fault::CloseConnection, &key), &knowing(&key));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Unknown, "{verdict:?}");
    let start = "no answer: the connection ended without a reply; who is wrong cannot be told";
    assert_eq!(verdict.reason, start);
}

#[test]
fn signature_of_an_absent_request_does_not_verify_here() {
    let signer = identity("CN=CA");
    let refusal = refusal(FailInfo::BadMessageCheck, &signer).encode(&signer).unwrap();
    let knowledge = Knowledge::new(Clock::system().now());
    let verdict = explain(vec![file("reply.der", refusal)], &knowledge).verdict;
    let next = verdict.next.join("\n");
    assert!(!next.contains("verifies here"), "{next}");
    assert!(next.contains("no request was verified here"), "{next}");
}
