//! Conversations of several messages: polls, queries, and what repeats.

use explain::explanation::{AtFault, Explanation, Finding, Part, Severity};
use explain::item::{Content, InputItem};
use explain::{Knowledge, explain};
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use results::requirement::End;
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId};
use scep::body::{IssuerAndSerial, IssuerAndSubject};
use scep::clock::Clock;
use scep::identity::Identity;
use scep::message::{MessageBuilder, RequestMessage};
use scep::request::{ChallengeString, CsrBuilder, self_signed};
use scep::secret::Secret;
use scep::{certs_only, envelope, name};

/// A client and a CA whose keys are known, and the messages between them so far.
struct Talk {
    client: Identity,
    ca: Identity,
    messages: Vec<InputItem>,
}

impl Talk {
    fn new() -> Self {
        let (client, ca) = (identity("CN=device"), identity("CN=CA"));
        Self { client, ca, messages: Vec::new() }
    }

    /// A request in this transaction, whose nonce has this byte.
    fn request(&mut self, kind: MessageType, id: &str, nonce: u8, body: &[u8]) -> &mut Self {
        let message = RequestMessage {
            message_type: kind,
            transaction_id: TransactionId::new(id),
            sender_nonce: Nonce::new([nonce; 16]),
            signer: self.client.clone(),
            cipher: Cipher::Aes128,
            key_transport: KeyTransport::Pkcs1v15,
            digest: Digest::Sha256,
        };
        let bytes = message.encode(body, &self.ca.certificate, &mut rand_bytes).unwrap();
        self.add(bytes)
    }

    /// A reply that returns this nonce.
    fn reply(&mut self, status: PkiStatus, id: &str, nonce: u8, content: &[X509]) -> &mut Self {
        let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
        let seal = |content: Vec<u8>| {
            let recipient = &self.client.certificate;
            envelope::seal(&content, &[recipient], cipher, transport, &mut rand_bytes).unwrap()
        };
        let content = (!content.is_empty()).then(|| certs_only::encode(content, &[]).unwrap());
        let message = MessageBuilder {
            message_type: Some(MessageType::CertRep),
            transaction_id: Some(TransactionId::new(id)),
            sender_nonce: Some(Nonce::new([nonce.wrapping_add(100); 16])),
            recipient_nonce: Some(Nonce::new([nonce; 16])),
            fail_info: (status == PkiStatus::Failure).then_some(FailInfo::BadRequest),
            pki_status: Some(status),
            content: content.map(seal),
            certificates: vec![self.ca.certificate.clone()],
            ..MessageBuilder::default()
        };
        let bytes = message.encode(&self.ca).unwrap();
        self.add(bytes)
    }

    fn enrol(&mut self, id: &str, nonce: u8) -> &mut Self {
        let csr = csr("CN=device", &self.client.key, None);
        self.request(MessageType::PkcsReq, id, nonce, &csr)
    }

    fn poll(&mut self, id: &str, nonce: u8, subject: &str) -> &mut Self {
        let subject = name::parse(subject).unwrap();
        let issuer = self.ca.certificate.subject_name();
        let body = IssuerAndSubject::encode(issuer, &subject).unwrap();
        self.request(MessageType::CertPoll, id, nonce, &body)
    }

    fn add(&mut self, bytes: Vec<u8>) -> &mut Self {
        let origin = format!("message {}", self.messages.len() + 1);
        let content = Content::Bytes(bytes);
        self.messages.push(InputItem { taken_for: Vec::new(), origin, content });
        self
    }

    fn explained(&self) -> Explanation {
        let mut knowledge = Knowledge::new(Clock::system().now());
        knowledge.keys = vec![self.client.key.clone(), self.ca.key.clone()];
        explain(self.messages.clone(), &knowledge)
    }
}

fn identity(subject: &str) -> Identity {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = name::parse(subject).unwrap();
    self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap()
}

fn csr(subject: &str, key: &PKey<Private>, challenge: Option<&Secret>) -> Vec<u8> {
    let subject = name::parse(subject).unwrap();
    let builder = CsrBuilder {
        subject: &subject,
        key,
        challenge_password: challenge,
        challenge_string: ChallengeString::default(),
        extensions: &[],
        digest: Digest::Sha256,
    };
    builder.encode().unwrap()
}

/// The finding with these words, and the number of its message.
fn found<'a>(explanation: &'a Explanation, words: &str) -> Option<(usize, &'a Finding)> {
    let of = |part: &'a Part| part.all_findings().into_iter().map(move |it| (part.number, it));
    explanation.messages.iter().flat_map(of).find(|(_, finding)| finding.words.contains(words))
}

fn assert_found(
    explanation: &Explanation,
    words: &str,
    (number, severity, requirement, end): (usize, Severity, &str, End),
) {
    let (of, finding) = found(explanation, words).unwrap_or_else(|| panic!("{explanation:#?}"));
    let id = finding.basis.as_ref().and_then(|basis| basis.requirement);
    let seen = (of, finding.severity, id, finding.by);
    assert_eq!(seen, (number, severity, Some(requirement), Some(end)), "{finding:?}");
}

#[test]
fn poll_belongs_to_its_request_and_its_reply_is_compared_with_that() {
    let mut talk = Talk::new();
    let certificate = talk.client.certificate.clone();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]);
    talk.poll("one", 2, "CN=device").reply(PkiStatus::Success, "one", 2, &[certificate]);
    let verdict = talk.explained().verdict;
    assert_eq!(verdict.at_fault, AtFault::Nobody, "{verdict:?}");
    let expected =
        "the request #1 was granted, and the reply has a certificate for the requested key";
    assert!(verdict.reason.starts_with(expected), "{verdict:?}");
    let other = identity("CN=device").certificate;
    talk.messages.pop();
    talk.reply(PkiStatus::Success, "one", 2, &[other]);
    let explanation = talk.explained();
    let words = "no certificate in the reply has the requested key";
    assert_found(&explanation, words, (4, Severity::Wrong, "R40", End::Server));
    let reason = &explanation.verdict.reason;
    assert!(reason.starts_with(&format!("in #4 (CertRep): {words}")), "{reason}");
}

#[test]
fn poll_in_another_transaction_is_wrong() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]);
    talk.poll("two", 2, "CN=device").reply(PkiStatus::Failure, "two", 2, &[]);
    let explanation = talk.explained();
    let words =
        "the transactionID of the CertPoll is `two`, that of the request that waits, #1, is `one`";
    assert_found(&explanation, words, (3, Severity::Wrong, "R46", End::Client));
    let reason = &explanation.verdict.reason;
    assert!(reason.starts_with("the request #3 was refused: FAILURE, badRequest"), "{reason}");
}

#[test]
fn poll_about_a_request_that_is_not_here_is_not_judged() {
    let mut talk = Talk::new();
    talk.poll("two", 2, "CN=device").reply(PkiStatus::Pending, "two", 2, &[]);
    talk.client = identity("CN=other");
    talk.enrol("one", 3).reply(PkiStatus::Pending, "one", 3, &[]);
    talk.client = identity("CN=third");
    talk.poll("three", 4, "CN=third").reply(PkiStatus::Pending, "three", 4, &[]);
    let explanation = talk.explained();
    assert!(found(&explanation, "CertPoll is").is_none(), "{:?}", explanation.verdict);
}

#[test]
fn poll_names_the_subject_of_its_request() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]);
    talk.poll("one", 2, "CN=other").reply(PkiStatus::Pending, "one", 2, &[]);
    let words =
        "the subject in the CertPoll is `CN = other`, that of the request, #1, is `CN = device`";
    assert_found(&talk.explained(), words, (3, Severity::Odd, "R78", End::Client));
}

#[test]
fn poll_after_the_end_is_odd() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Failure, "one", 1, &[]);
    talk.poll("one", 2, "CN=device").reply(PkiStatus::Failure, "one", 2, &[]);
    let words = "the CertPoll asks about the request #1, which was refused before";
    assert_found(&talk.explained(), words, (3, Severity::Odd, "R48", End::Client));
}

#[test]
fn request_is_not_repeated_while_it_waits() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]).enrol("two", 2);
    let words = "for the key of #1, which waits for a decision in the transaction `one`";
    assert_found(&talk.explained(), words, (3, Severity::Odd, "R77", End::Client));
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]).enrol("one", 2);
    let words = "the request #1, which waits for a decision, is sent again";
    assert_found(&talk.explained(), words, (3, Severity::Odd, "R76", End::Client));
}

#[test]
fn retry_after_a_refusal_is_right() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Failure, "one", 1, &[]);
    talk.enrol("two", 2).reply(PkiStatus::Failure, "two", 2, &[]);
    let explanation = talk.explained();
    assert!(found(&explanation, "#1").is_none(), "{explanation:#?}");
}

#[test]
fn reply_that_is_sent_again_is_the_mistake_of_the_server() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]);
    let Content::Bytes(old) = talk.messages[1].content.clone() else { panic!("no bytes") };
    talk.poll("one", 2, "CN=device").add(old);
    let explanation = talk.explained();
    let words = "the reply is #2 once more, byte for byte, although the request is another one";
    assert_found(&explanation, words, (4, Severity::Wrong, "R31", End::Server));
    let reason = &explanation.verdict.reason;
    assert!(reason.starts_with(&format!("in #4 (CertRep): {words}")), "{reason}");
}

#[test]
fn message_that_is_sent_again_is_no_mistake() {
    let mut talk = Talk::new();
    talk.enrol("one", 1);
    let same = talk.messages[0].clone();
    talk.messages.push(same);
    talk.reply(PkiStatus::Pending, "one", 1, &[]);
    let explanation = talk.explained();
    let (number, finding) = found(&explanation, "it is #1 once more, byte for byte").unwrap();
    assert_eq!((number, finding.severity), (2, Severity::Note));
    assert_eq!(explanation.verdict.at_fault, AtFault::Nobody, "{:?}", explanation.verdict);
}

#[test]
fn nonce_is_fresh_in_each_message() {
    let mut talk = Talk::new();
    talk.enrol("one", 1).reply(PkiStatus::Pending, "one", 1, &[]).poll("one", 1, "CN=device");
    let words = "the senderNonce is that of #1, and not a fresh one";
    assert_found(&talk.explained(), words, (3, Severity::Odd, "R74", End::Client));
}

#[test]
fn certificate_that_was_asked_for_is_the_one_that_comes() {
    let wanted = identity("CN=wanted").certificate;
    let body = IssuerAndSerial::encode(&wanted).unwrap();
    let mut talk = Talk::new();
    talk.request(MessageType::GetCert, "one", 1, &body);
    talk.reply(PkiStatus::Success, "one", 1, &[wanted]);
    let explanation = talk.explained();
    assert!(
        explanation.verdict.reason.contains("the certificate that was asked for"),
        "{explanation:#?}"
    );
    talk.messages.pop();
    talk.reply(PkiStatus::Success, "one", 1, &[identity("CN=wanted").certificate]);
    let words = "no certificate in the reply is the one that was asked for";
    assert_found(&talk.explained(), words, (2, Severity::Wrong, "R49", End::Server));
}

#[test]
fn renewal_with_a_challenge_password_is_odd() {
    let mut talk = Talk::new();
    let csr = csr("CN=device", &talk.client.key, Some(&Secret::new("s3cret-of-renewal")));
    talk.request(MessageType::RenewalReq, "one", 1, &csr);
    let words = "the RenewalReq has a challenge password, which a renewal should omit";
    assert_found(&talk.explained(), words, (1, Severity::Odd, "R37", End::Client));
}
