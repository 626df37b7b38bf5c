//! Every kind of message, mutated 100,000 times: each is refused or understood, and none makes the crate panic.
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
    client::{CaCertificates, Exchange, Expected, Reply, RequestMessage},
    envelope,
    http::{HttpRequest, HttpResponse, Method, Operation},
    message::Message,
    request::Csr,
    server,
};

/// The number of mutated messages of each kind.
const ROUNDS: u32 = 100_000;

/// Gives mutations of `message` to `read`, which must return.
fn read_mutations(message: &[u8], read: impl Fn(&[u8])) {
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

fn read_mutated_requests(message_type: MessageType, body: impl Fn(&TestPki) -> Vec<u8>) {
    let pki = TestPki::single_ca();
    let message = request_message(&pki, message_type, &body(&pki));
    let open = |bytes: &[u8]| Message::parse(bytes).map(|message| server::open(&message, &pki.ca));
    assert!(matches!(open(&message), Ok(Ok(_))));
    read_mutations(&message, |mutated| drop(open(mutated)));
}

#[test]
fn pkcs_req() {
    read_mutated_requests(MessageType::PkcsReq, |_| csr());
}

#[test]
fn renewal_req() {
    read_mutated_requests(MessageType::RenewalReq, |_| csr());
}

#[test]
fn cert_poll() {
    read_mutated_requests(MessageType::CertPoll, issuer_and_subject);
}

#[test]
fn get_cert() {
    read_mutated_requests(MessageType::GetCert, issuer_and_serial);
}

#[test]
fn get_crl() {
    read_mutated_requests(MessageType::GetCrl, issuer_and_serial);
}

fn issuer_and_subject(pki: &TestPki) -> Vec<u8> {
    let name = pki.ca.certificate.subject_name();
    IssuerAndSubject::encode(name, name).unwrap()
}

fn issuer_and_serial(pki: &TestPki) -> Vec<u8> {
    IssuerAndSerial::encode(&pki.ca.certificate).unwrap()
}

fn read_mutated_replies(answer: Answer) {
    let mut pki = TestPki::single_ca();
    pki.answer = answer;
    // The client has the CA's certificate and key, so that the reply can be opened here.
    let request = request_message(&pki, MessageType::PkcsReq, &csr());
    let operation = Operation::PkiOperation(request).to_http(Method::Post);
    let reply = pki.handle(&operation).body;
    let seen = pki.last_request();
    let expected = Expected {
        takes_obsolete_algorithms: false,
        exchange: Exchange::PkiOperation(None),
        transaction_id: &seen.transaction_id,
        sender_nonce: &seen.sender_nonce,
        signers: &[&pki.ca.certificate],
        recipient: &pki.ca,
        password: None,
        now: now(),
    };
    assert!(Reply::read(&reply, &expected).is_ok());
    read_mutations(&reply, |mutated| drop(Reply::read(mutated, &expected)));
}

#[test]
fn cert_rep_success() {
    read_mutated_replies(Answer::Success);
}

#[test]
fn cert_rep_failure() {
    read_mutated_replies(Answer::Failure(FailInfo::BadAlg, Some("no")));
}

#[test]
fn cert_rep_pending() {
    read_mutated_replies(Answer::Pending);
}

#[test]
fn envelope_contents() {
    let pki = TestPki::with_ra(false);
    read_mutations(&csr(), |mutated| drop(Csr::from_der(mutated)));
    read_mutations(&issuer_and_subject(&pki), |mutated| drop(IssuerAndSubject::from_der(mutated)));
    read_mutations(&issuer_and_serial(&pki), |mutated| drop(IssuerAndSerial::from_der(mutated)));
    read_mutations(&pki.ca_response.1, |mutated| drop(certs_only::decode(mutated)));
}

#[test]
fn sealed_envelope() {
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
    // Most mutations leave the key readable, and then each costs a private-key operation.
    for _ in 0..ROUNDS / 20 {
        drop(envelope::open(&dice.mutate(&sealed), &pki.ca));
    }
    // For another recipient nothing is decrypted, and only the structure is read.
    let other = TestPki::expired_ca().ca;
    read_mutations(&sealed, |mutated| drop(envelope::open(mutated, &other)));
}

#[test]
fn ca_certificates_and_capabilities() {
    let pki = TestPki::with_ra(false);
    read_mutations(&pki.ca_response.1, |mutated| {
        let response =
            HttpResponse { status: 200, body: mutated.to_vec(), ..HttpResponse::default() };
        drop(CaCertificates::read(&response));
    });
    read_mutations(pki.capabilities.as_bytes(), |mutated| drop(Capabilities::parse(mutated)));
}

#[test]
fn query_of_a_get() {
    let request = Operation::PkiOperation((0..=255).collect()).to_http(Method::Get);
    read_mutations(request.query.as_bytes(), |mutated| {
        let query = String::from_utf8_lossy(mutated).into_owned();
        drop(Operation::from_http(&HttpRequest { query, ..request.clone() }));
    });
}
