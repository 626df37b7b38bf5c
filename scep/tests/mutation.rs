//! Every kind of message, mutated 100,000 times: whatever comes is refused or understood, never a panic.
#![expect(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "a test program that shares the test CA"
)]

mod dice;
mod pki;

use der::asn1::OctetString;
use dice::Dice;
use openssl::rand::rand_bytes;
use pki::{Answer, TestPki, client_settings, now};
use scep::{
    attribute::{FailInfo, MessageType, Nonce, TransactionId},
    body::{IssuerAndSerial, IssuerAndSubject},
    capabilities::Capabilities,
    certs_only,
    client::{CaCertificates, Expected, Reply, RequestMessage},
    envelope,
    http::{HttpRequest, HttpResponse, Method, Operation},
    message::Message,
    request::Csr,
    server,
};

/// How often each kind of message is mutated.
const ROUNDS: u32 = 100_000;

/// Mutates `message` and hands it to `read`, whose own result says only that it came back.
fn torture(message: &[u8], read: impl Fn(&[u8])) {
    let mut dice = Dice(0x5ce9_1ab0_0000_0001);
    for _ in 0..ROUNDS {
        read(&dice.mutate(message));
    }
}

fn request_message(pki: &TestPki, message_type: MessageType, body: &[u8]) -> Vec<u8> {
    let message = RequestMessage {
        message_type,
        transaction_id: TransactionId::new("1"),
        sender_nonce: Nonce::new([1; 16]),
        signer: pki.ca.clone(),
        cipher: scep::algorithm::Cipher::Aes128,
        key_transport: scep::algorithm::KeyTransport::Pkcs1v15,
        digest: scep::algorithm::Digest::Sha256,
    };
    message.encode(body, &pki.ca.certificate, &mut rand_bytes).unwrap()
}

fn csr() -> Vec<u8> {
    let settings = client_settings();
    scep::request::CsrBuilder {
        subject: &settings.subject,
        key: &settings.key,
        challenge_password: settings.challenge.as_ref(),
        challenge_string: scep::request::ChallengeString::default(),
        extensions: &[scep::request::Extension {
            extn_id: "2.5.29.15".parse().unwrap(),
            critical: true,
            extn_value: OctetString::new([3, 2, 5, 0xa0]).unwrap(),
        }],
        digest: scep::algorithm::Digest::Sha256,
    }
    .encode()
    .unwrap()
}

fn torture_request(message_type: MessageType, body: impl Fn(&TestPki) -> Vec<u8>) {
    let pki = TestPki::single_ca();
    let message = request_message(&pki, message_type, &body(&pki));
    let open = |bytes: &[u8]| Message::parse(bytes).map(|message| server::open(&message, &pki.ca));
    assert!(matches!(open(&message), Ok(Ok(_))));
    torture(&message, |mutated| drop(open(mutated)));
}

#[test]
fn pkcs_req() {
    torture_request(MessageType::PkcsReq, |_| csr());
}

#[test]
fn renewal_req() {
    torture_request(MessageType::RenewalReq, |_| csr());
}

#[test]
fn cert_poll() {
    torture_request(MessageType::CertPoll, issuer_and_subject);
}

#[test]
fn get_cert() {
    torture_request(MessageType::GetCert, issuer_and_serial);
}

#[test]
fn get_crl() {
    torture_request(MessageType::GetCrl, issuer_and_serial);
}

fn issuer_and_subject(pki: &TestPki) -> Vec<u8> {
    let name = pki.ca.certificate.subject_name();
    IssuerAndSubject::encode(name, name).unwrap()
}

fn issuer_and_serial(pki: &TestPki) -> Vec<u8> {
    IssuerAndSerial::encode(&pki.ca.certificate).unwrap()
}

fn torture_reply(answer: Answer) {
    let mut pki = TestPki::single_ca();
    pki.answer = answer;
    // The CA's own certificate and key stand for the client's, so that the reply can be opened here.
    let request = request_message(&pki, MessageType::PkcsReq, &csr());
    let operation = Operation::PkiOperation(request).to_http(Method::Post);
    let reply = pki.handle(&operation).body;
    let seen = pki.last_request();
    let expected = Expected {
        takes_obsolete_algorithms: false,
        exchange: "PKIOperation",
        transaction_id: &seen.transaction_id,
        sender_nonce: &seen.sender_nonce,
        signers: &[&pki.ca.certificate],
        recipient: &pki.ca,
        now: now(),
    };
    assert!(Reply::read(&reply, &expected).is_ok());
    torture(&reply, |mutated| drop(Reply::read(mutated, &expected)));
}

#[test]
fn cert_rep_success() {
    torture_reply(Answer::Success);
}

#[test]
fn cert_rep_failure() {
    torture_reply(Answer::Failure(FailInfo::BadAlg, Some("no")));
}

#[test]
fn cert_rep_pending() {
    torture_reply(Answer::Pending);
}

#[test]
fn what_lies_inside_an_envelope() {
    let pki = TestPki::with_ra(false);
    torture(&csr(), |mutated| drop(Csr::from_der(mutated)));
    torture(&issuer_and_subject(&pki), |mutated| drop(IssuerAndSubject::from_der(mutated)));
    torture(&issuer_and_serial(&pki), |mutated| drop(IssuerAndSerial::from_der(mutated)));
    torture(&pki.ca_response.1, |mutated| drop(certs_only::decode(mutated)));
}

#[test]
fn the_envelope_itself() {
    let pki = TestPki::single_ca();
    let sealed = envelope::seal(
        b"content",
        &[&pki.ca.certificate],
        scep::algorithm::Cipher::TripleDes,
        scep::algorithm::KeyTransport::Oaep,
        &mut rand_bytes,
    )
    .unwrap();
    let mut dice = Dice(0x5ce9_1ab0_0000_0002);
    // Most changes leave the key readable, and each reading costs a private-key operation.
    for _ in 0..ROUNDS / 20 {
        drop(envelope::open(&dice.mutate(&sealed), &pki.ca));
    }
    // Addressed to somebody else, nothing is decrypted, and the structure alone is read.
    let stranger = TestPki::expired_ca().ca;
    torture(&sealed, |mutated| drop(envelope::open(mutated, &stranger)));
}

#[test]
fn ca_certificates_and_capabilities() {
    let pki = TestPki::with_ra(false);
    torture(&pki.ca_response.1, |mutated| {
        let response = HttpResponse { status: 200, content_type: None, body: mutated.to_vec() };
        drop(CaCertificates::read(&response));
    });
    torture(pki.capabilities.as_bytes(), |mutated| drop(Capabilities::parse(mutated)));
}

#[test]
fn the_query_of_a_get() {
    let request = Operation::PkiOperation((0..=255).collect()).to_http(Method::Get);
    torture(request.query.as_bytes(), |mutated| {
        let query = String::from_utf8_lossy(mutated).into_owned();
        drop(Operation::from_http(&HttpRequest { query, ..request.clone() }));
    });
}
