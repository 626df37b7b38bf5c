//! GetCert and GetCRL with their replies, and the order of a certs-only message.
#![expect(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "a test program that shares the test CA"
)]

mod pki;

use openssl::{rand::rand_bytes, x509::X509Crl};
use pki::TestPki;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, TransactionId},
    body::IssuerAndSerial,
    certs_only,
    client::{self, Exchange, Expected, RequestMessage},
    message::Message,
    server::{self, Body, Outcome, Reply, Request},
};

fn ask(pki: &TestPki, message_type: MessageType) -> Request {
    let message = RequestMessage {
        message_type,
        transaction_id: TransactionId::new("query"),
        sender_nonce: Nonce::new([5; 16]),
        signer: pki.ca.clone(),
        cipher: Cipher::Aes256,
        key_transport: KeyTransport::Oaep,
        digest: Digest::Sha512,
    };
    let body = IssuerAndSerial::encode(&pki.ca.certificate).unwrap();
    let encoded = message.encode(&body, &pki.ca.certificate, &mut rand_bytes).unwrap();
    server::open(&Message::parse(&encoded).unwrap(), &pki.ca).unwrap()
}

fn answer(pki: &TestPki, request: &Request, outcome: Outcome<'_>) -> client::Reply {
    let reply = Reply {
        header: &request.header,
        outcome,
        digest: request.header.digest,
        cipher: request.cipher,
        key_transport: request.key_transport,
    };
    let expected = Expected {
        takes_obsolete_algorithms: false,
        exchange: Exchange::PkiOperation(None),
        transaction_id: &TransactionId::new("query"),
        sender_nonce: &Nonce::new([5; 16]),
        signers: &[&pki.ca.certificate],
        recipient: &pki.ca,
        now: pki::now(),
    };
    let encoded = reply.message(&mut rand_bytes).unwrap().encode(&pki.ca).unwrap();
    client::Reply::read(&encoded, &expected).unwrap()
}

#[test]
fn get_cert_returns_the_named_certificate() {
    let pki = TestPki::single_ca();
    let request = ask(&pki, MessageType::GetCert);
    let Body::GetCert(wanted) = &request.body else { panic!("a GetCert") };
    let ca = &pki.ca.certificate;
    assert!(wanted.issuer.try_cmp(ca.issuer_name()).unwrap().is_eq());
    let serial = ca.serial_number().to_bn().unwrap().to_vec();
    assert!(wanted.serial.ends_with(&serial) && wanted.serial.len() <= serial.len() + 1);

    let certificates = [ca.clone()];
    let outcome = Outcome::Success { certificates: &certificates, crls: &[] };
    let client::Reply::Success(content) = answer(&pki, &request, outcome) else {
        panic!("a success")
    };
    assert_eq!(content.certificates.len(), 1);
    assert_eq!(content.certificates[0].to_der().unwrap(), ca.to_der().unwrap());
}

#[test]
fn get_cert_of_an_unknown_certificate_fails() {
    let pki = TestPki::single_ca();
    let request = ask(&pki, MessageType::GetCert);
    let outcome = Outcome::Failure { fail_info: FailInfo::BadCertId, text: None };
    let client::Reply::Failure(denial) = answer(&pki, &request, outcome) else {
        panic!("a failure")
    };
    assert_eq!((denial.fail_info, denial.text), (Some(FailInfo::BadCertId), None));
}

#[test]
fn get_crl_returns_the_revocation_list() {
    let pki = TestPki::single_ca();
    let request = ask(&pki, MessageType::GetCrl);
    assert!(matches!(request.body, Body::GetCrl(_)));

    let crls = [revocation_list()];
    let outcome = Outcome::Success { certificates: &[], crls: &crls };
    let client::Reply::Success(content) = answer(&pki, &request, outcome) else {
        panic!("a success")
    };
    assert!(content.certificates.is_empty());
    assert_eq!(content.crls[0].to_der().unwrap(), crls[0].to_der().unwrap());
}

/// The list of some CA, which is only bytes to SCEP.
fn revocation_list() -> X509Crl {
    let mut issuer = rcgen::CertificateParams::default();
    issuer.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let issuer = rcgen::Issuer::new(issuer, rcgen::KeyPair::generate().unwrap());
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2026, 2, 1),
        crl_number: rcgen::SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    X509Crl::from_der(list.signed_by(&issuer).unwrap().der()).unwrap()
}

#[test]
fn certs_only_message_keeps_the_order_of_certificates() {
    let (one, other) = (TestPki::single_ca().ca.certificate, TestPki::single_ca().ca.certificate);
    for order in [[&one, &other], [&other, &one]] {
        let list = order.map(Clone::clone);
        let read = certs_only::decode(&certs_only::encode(&list, &[]).unwrap()).unwrap();
        for (received, sent) in read.certificates.iter().zip(order) {
            assert_eq!(received.to_der().unwrap(), sent.to_der().unwrap());
        }
    }
}
