//! Verdicts about messages of which something is missing, or which were made for one question.

use explain::explanation::{AtFault, Explanation, Part, Severity};
use explain::item::{Content, InputItem};
use explain::{Knowledge, explain};
use mock_ca::{Fault, MockCa, PersonalityName};
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId};
use scep::clock::Clock;
use scep::identity::Identity;
use scep::message::{ExtraAttribute, MessageBuilder, RequestMessage};
use scep::name;
use scep::request::self_signed;

use super::captures;
use super::faults::{PASSWORD, enrolment, exchanged};
use crate::support::der::tlv;

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn identity(subject: &str) -> Identity {
    let subject = name::parse(subject).unwrap();
    self_signed(&subject, &key(), Digest::Sha256, Clock::system().now()).unwrap()
}

fn knowing(key: &PKey<Private>) -> Knowledge {
    let mut knowledge = Knowledge { names_options: true, ..Knowledge::new(Clock::system().now()) };
    knowledge.keys.push(key.clone());
    knowledge
}

/// The last reply of an enrolment with this fault, alone.
fn reply_alone(fault: Fault, key: &PKey<Private>) -> Vec<InputItem> {
    let mut last = enrolment(fault, key).pop().unwrap();
    if let Content::Exchange(exchange) = &mut last.content {
        exchange.request = None;
    }
    vec![last]
}

fn file(name: &str, bytes: Vec<u8>) -> InputItem {
    InputItem { taken_for: Vec::new(), origin: name.to_owned(), content: Content::Bytes(bytes) }
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

/// A request and its refusal, in one transaction.
fn exchange(id: u8, fail_info: FailInfo, client: &Identity, ca: &Identity) -> [Vec<u8>; 2] {
    let request = RequestMessage {
        message_type: MessageType::CertPoll,
        transaction_id: TransactionId::new(format!("transaction-{id}")),
        sender_nonce: Nonce::new([id; 16]),
        signer: client.clone(),
        cipher: Cipher::Aes128,
        key_transport: KeyTransport::Pkcs1v15,
        digest: Digest::Sha256,
    };
    let reply = MessageBuilder {
        transaction_id: Some(request.transaction_id.clone()),
        recipient_nonce: Some(request.sender_nonce.clone()),
        ..refusal(fail_info, ca)
    };
    let request = request.encode(b"names", &ca.certificate, &mut rand_bytes).unwrap();
    [request, reply.encode(ca).unwrap()]
}

#[test]
fn crossed_replies_find_their_requests() {
    let (client, ca) = (identity("CN=device"), identity("CN=CA"));
    let [first, to_first] = exchange(1, FailInfo::BadRequest, &client, &ca);
    let [second, to_second] = exchange(2, FailInfo::BadRequest, &client, &ca);
    let files = [("a-req", first), ("b-req", second), ("a-rep", to_first), ("b-rep", to_second)];
    let files = files.into_iter().map(|(name, bytes)| file(name, bytes)).collect();
    let explanation = explain(files, &Knowledge::new(Clock::system().now()));
    let answers: Vec<_> = explanation.messages.iter().map(|part| part.answers).collect();
    assert_eq!(answers, [None, None, Some(1), Some(2)], "{:?}", explanation.verdict);
    assert_eq!(explanation.verdict.at_fault, AtFault::Unknown, "{:?}", explanation.verdict);
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
fn dates_of_a_reply_are_judged_only_if_its_time_is_known() {
    let key = key();
    let knowledge = Knowledge { knows_time: false, ..knowing(&key) };
    let explanation = explain(reply_alone(Fault::ExpiredSigner, &key), &knowledge);
    assert!(!has(&explanation, Severity::Odd, "which expired"), "{explanation:?}");
    let remark = "the validity of certificates is not judged";
    assert!(explanation.remarks.iter().any(|it| it.starts_with(remark)), "{explanation:?}");
    let known = explain(reply_alone(Fault::ExpiredSigner, &key), &knowing(&key));
    assert_eq!(known.remarks, Vec::<String>::new());
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
    let start = "no answer: the connection ended without a reply";
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

/// A request with AES and SHA-256 to a CA that offers neither, refused for this reason.
fn refused_without_offer(fail_info: FailInfo) -> Explanation {
    let (client, ca) = (identity("CN=device"), identity("CN=CA"));
    let [request, reply] = exchange(1, fail_info, &client, &ca);
    let offered = file("caps", b"SHA-1\nDES3\nPOSTPKIOperation\n".to_vec());
    let files = vec![offered, file("request", request), file("reply", reply)];
    explain(files, &Knowledge::new(Clock::system().now()))
}

#[test]
fn algorithm_that_is_not_offered_is_wrong_only_if_it_was_refused() {
    let words = "is enciphered with AES";
    let refused = refused_without_offer(FailInfo::BadAlg);
    assert!(has(&refused, Severity::Wrong, words), "{refused:?}");
    assert_eq!(refused.verdict.at_fault, AtFault::Client, "{:?}", refused.verdict);
    let other = refused_without_offer(FailInfo::BadRequest);
    assert!(has(&other, Severity::Odd, words), "{other:?}");
    assert_eq!(other.verdict.at_fault, AtFault::Unknown, "{:?}", other.verdict);
}

#[test]
fn recipient_is_wrong_only_if_the_refusal_fits() {
    let pem = std::fs::read(captures().join("keys/linux/ca.pem")).unwrap();
    let (client, ca) = (identity("CN=device"), identity("CN=CA"));
    let mut knowledge = Knowledge::new(Clock::system().now());
    knowledge.ca.push(X509::from_pem(&pem).unwrap());
    for (fail_info, severity) in
        [(FailInfo::BadMessageCheck, Severity::Wrong), (FailInfo::BadTime, Severity::Odd)]
    {
        let [request, reply] = exchange(1, fail_info, &client, &ca);
        let files = vec![file("request", request), file("reply", reply)];
        let explanation = explain(files, &knowledge);
        assert!(has(&explanation, severity, "the request is addressed to"), "{explanation:?}");
    }
}

#[test]
fn key_agreement_is_wrong_only_for_an_rsa_key() {
    let key = key();
    let alone = explain(reply_alone(Fault::KeyAgreementReply, &key), &knowing(&key));
    let words = "by key agreement (KeyAgreeRecipientInfo)";
    assert!(has(&alone, Severity::Odd, words), "{alone:?}");
    assert_ne!(alone.verdict.at_fault, AtFault::Server, "{:?}", alone.verdict);
    let whole = explain(enrolment(Fault::KeyAgreementReply, &key), &knowing(&key));
    assert_eq!(whole.verdict.at_fault, AtFault::Server, "{:?}", whole.verdict);
    assert!(has(&whole, Severity::Wrong, words), "{whole:?}");
}

#[test]
fn signed_request_without_attributes_is_the_mistake_of_the_client() {
    let client = identity("CN=device");
    let message = MessageBuilder {
        content: Some(b"request".to_vec()),
        certificates: vec![client.certificate.clone()],
        ..MessageBuilder::default()
    };
    let mut item = enrolment(Fault::ExtraAttribute, &key()).pop().unwrap();
    let Content::Exchange(exchange) = &mut item.content else { panic!("no exchange") };
    exchange.reply = None;
    let request = exchange.request.as_mut().unwrap();
    assert_eq!(request.method, "POST");
    request.body = message.encode(&client).unwrap();
    let explanation = explain(vec![item], &Knowledge::new(Clock::system().now()));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Client, "{verdict:?}");
    assert!(verdict.reason.contains("has none of SCEP's attributes"), "{verdict:?}");
}

#[test]
fn refusal_of_ndes_is_no_mistake_of_the_server() {
    let key = key();
    let ca = MockCa::new(PersonalityName::Ndes).challenge(PASSWORD);
    let explanation = explain(exchanged(ca, "wrong-one", false, &key), &knowing(&key));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Unknown, "{verdict:?}");
    let words = "NDES says so of a challenge password that it does not know, or that has expired); nothing that was seen breaks the protocol";
    assert!(verdict.reason.ends_with(words), "{verdict:?}");
    let filler = "a FAILURE has a content of 1 byte that is no envelope, and must be omitted";
    assert!(has(&explanation, Severity::Odd, filler), "{:#?}", explanation.messages);
    assert!(!has(&explanation, Severity::Wrong, ""), "{:#?}", explanation.messages);
}

#[test]
fn reason_under_the_identifier_of_old_step_ca_is_shown_and_named() {
    let (client, ca) = (identity("CN=device"), identity("CN=CA"));
    let text = ExtraAttribute {
        oid: "1.3.6.1.5.5.7.24".to_owned(),
        value_der: tlv(0x0c, &[b"wrong password provided"]),
    };
    let [request, _] = exchange(1, FailInfo::BadRequest, &client, &ca);
    let reply = MessageBuilder {
        transaction_id: Some(TransactionId::new("transaction-1")),
        recipient_nonce: Some(Nonce::new([1; 16])),
        extra_attributes: vec![text],
        ..refusal(FailInfo::BadRequest, &ca)
    };
    let files = vec![file("request", request), file("reply", reply.encode(&ca).unwrap())];
    let explanation = explain(files, &knowing(&client.key));
    let words = "FAILURE, badRequest: the server says \"wrong password provided\"";
    assert!(explanation.verdict.reason.contains(words), "{:?}", explanation.verdict);
    let oddity =
        "failInfoText comes as the attribute `1.3.6.1.5.5.7.24`, and is `1.3.6.1.5.5.7.24.1`";
    assert!(has(&explanation, Severity::Odd, oddity), "{:#?}", explanation.messages);
}

#[test]
fn reply_without_signed_attributes_shows_none_of_its_certificates() {
    let key = key();
    let explanation = explain(enrolment(Fault::NoSignedAttributes, &key), &knowing(&key));
    let verdict = &explanation.verdict;
    assert_eq!(verdict.at_fault, AtFault::Server, "{verdict:?}");
    let reply = explanation.messages.last().unwrap().layer.as_ref().unwrap();
    let names: Vec<&str> = reply.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["length"], "{reply:#?}");
    let advice = reply.findings[0].advice.as_deref().unwrap_or_default();
    assert!(advice.starts_with("the signer has no signed attributes"), "{reply:#?}");
}

#[test]
fn cut_transaction_id_is_told_as_such() {
    let key = key();
    let explanation = explain(enrolment(Fault::PrefixTransactionId, &key), &knowing(&key));
    let words = "the reply's transactionID is only the beginning of the request's: `";
    assert!(explanation.verdict.reason.contains(words), "{:?}", explanation.verdict);
}
