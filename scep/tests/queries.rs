//! GetCert, GetCRL and GetNextCACert with their replies, revocation lists, and the order of a certs-only message.
#![expect(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "a test program that shares the test CA"
)]

mod pki;

use openssl::{
    rand::rand_bytes,
    x509::{X509, X509Crl},
};
use pki::TestPki;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, TransactionId},
    body::IssuerAndSerial,
    certificate::Fingerprint,
    certs_only,
    client::{self, CaCertificates, Exchange, Expected, RequestMessage},
    clock::moment,
    http::HttpResponse,
    identity::Identity,
    message::{Message, MessageBuilder},
    revocation_list::{NotItsList, RevocationList},
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
        password: None,
    };
    let expected = Expected {
        takes_obsolete_algorithms: false,
        exchange: Exchange::PkiOperation(None),
        transaction_id: &TransactionId::new("query"),
        sender_nonce: &Nonce::new([5; 16]),
        signers: &[&pki.ca.certificate],
        recipient: &pki.ca,
        password: None,
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

/// A CA that may sign lists only if `signs_lists`, with its certificate.
fn list_ca(signs_lists: bool) -> (rcgen::Issuer<'static, rcgen::KeyPair>, X509) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    if signs_lists {
        params.key_usages.push(rcgen::KeyUsagePurpose::CrlSign);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = X509::from_der(params.self_signed(&key).unwrap().der()).unwrap();
    // rcgen itself signs no list with a key that may not.
    params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    (rcgen::Issuer::new(params, key), certificate)
}

/// A list of this CA, in DER, with the certificates 10, revoked for its key, 11, without a reason, and 12, which was on hold.
fn list_of(ca: &rcgen::Issuer<'static, rcgen::KeyPair>) -> Vec<u8> {
    let revoked = |serial: u64, reason_code| rcgen::RevokedCertParams {
        serial_number: rcgen::SerialNumber::from(serial),
        revocation_time: rcgen::date_time_ymd(2026, 1, 2),
        reason_code,
        invalidity_date: None,
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 3),
        next_update: rcgen::date_time_ymd(2026, 1, 10),
        crl_number: rcgen::SerialNumber::from(300_u64),
        issuing_distribution_point: None,
        revoked_certs: vec![
            revoked(10, Some(rcgen::RevocationReason::KeyCompromise)),
            revoked(11, None),
            revoked(12, Some(rcgen::RevocationReason::RemoveFromCrl)),
        ],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    list.signed_by(ca).unwrap().der().to_vec()
}

/// A certificate of this CA with this serial number.
fn certificate_of(ca: &rcgen::Issuer<'static, rcgen::KeyPair>, serial: u64) -> X509 {
    let mut params = rcgen::CertificateParams::default();
    params.serial_number = Some(rcgen::SerialNumber::from(serial));
    let key = rcgen::KeyPair::generate().unwrap();
    X509::from_der(params.signed_by(&key, ca).unwrap().der()).unwrap()
}

#[test]
fn revocation_list_is_read_in_der_and_pem() {
    let (ca, _) = list_ca(true);
    let der = list_of(&ca);
    let pem = X509Crl::from_der(&der).unwrap().to_pem().unwrap();
    for bytes in [&der, &pem] {
        let list = RevocationList::read(bytes).unwrap();
        assert_eq!(list.this_update(), moment("2026-01-03T00:00Z").unwrap());
        assert_eq!(list.next_update(), Some(moment("2026-01-10T00:00Z").unwrap()));
        assert_eq!(list.number(), Some("300"));
        let entries: Vec<_> =
            list.revoked().iter().map(|one| (one.serial.as_str(), one.reason)).collect();
        let expected = [("0A", Some("keyCompromise")), ("0B", None), ("0C", Some("removeFromCRL"))];
        assert_eq!(entries, expected);
        assert_eq!(list.revoked()[0].at, moment("2026-01-02T00:00Z").unwrap());
        let is_revoked = |serial| list.entry(&certificate_of(&ca, serial)).is_some();
        assert_eq!([10, 11, 12, 13].map(is_revoked), [true, true, false, false]);
    }
    let page = RevocationList::read(b"<html><title>404</title></html>").unwrap_err().to_string();
    assert!(page.contains("came in place of the certificate revocation list"), "{page}");
    assert!(RevocationList::read(&der[..der.len() - 1]).is_err());
}

#[test]
fn revocation_list_must_be_signed_by_a_ca_that_may_sign_lists() {
    let (ca, certificate) = list_ca(true);
    let list = RevocationList::read(&list_of(&ca)).unwrap();
    assert_eq!(list.check_issuer(&certificate), Ok(()));
    // Another CA of the same name has another key.
    let (_, namesake) = list_ca(true);
    let error = list.check_issuer(&namesake).unwrap_err().to_string();
    assert!(error.contains("its signature does not verify"), "{error}");
    let (other, may_not) = list_ca(false);
    let list = RevocationList::read(&list_of(&other)).unwrap();
    assert!(matches!(list.check_issuer(&may_not), Err(NotItsList::KeyUsage(_))));
    let pki = TestPki::single_ca();
    let error = list.check_issuer(&pki.ca.certificate).unwrap_err().to_string();
    assert!(error.starts_with("its issuer is "), "{error}");
}

/// An answer to GetNextCACert with these certificates.
fn next_ca(certificates: &[X509], signer: &Identity) -> HttpResponse {
    let message = MessageBuilder {
        content: Some(certs_only::encode(certificates, &[]).unwrap()),
        certificates: vec![signer.certificate.clone()],
        ..MessageBuilder::default()
    };
    let body = message.encode(signer).unwrap();
    HttpResponse { status: 200, body, ..HttpResponse::default() }
}

#[test]
fn next_ca_must_be_signed_by_the_current_one() {
    let (pki, next) = (TestPki::single_ca(), TestPki::single_ca());
    let ca = CaCertificates { ca: vec![pki.ca.certificate.clone()], ra: Vec::new() };
    let certificates = [next.ca.certificate.clone()];
    let read = ca.read_next(&next_ca(&certificates, &pki.ca), pki::now()).unwrap();
    assert_eq!(read.ca, certificates);
    let refused = |response: &HttpResponse| {
        let refusal = ca.read_next(response, pki::now()).unwrap_err();
        assert_eq!(refusal.exchange, Exchange::GetNextCaCert);
        refusal.to_string()
    };
    let stranger = refused(&next_ca(&certificates, &next.ca));
    assert!(stranger.contains("signed by"), "{stranger}");
    assert!(refused(&next_ca(&[], &pki.ca)).contains("no certificate"));
    let status = HttpResponse { status: 501, ..HttpResponse::default() };
    assert!(refused(&status).starts_with("GetNextCACert was answered HTTP 501"));
    let later = pki::now() + std::time::Duration::from_secs(200 * 365 * 86_400);
    let expired = ca.read_next(&next_ca(&certificates, &pki.ca), later).unwrap_err().to_string();
    assert!(expired.contains("expired"), "{expired}");
}

#[test]
fn announced_ca_is_trusted_beside_the_one_with_the_fingerprint() {
    let (pki, next, other) = (TestPki::single_ca(), TestPki::single_ca(), TestPki::single_ca());
    let fingerprint = Fingerprint::of(&pki.ca.certificate).unwrap();
    let of = |certificates: &[&TestPki]| {
        let ca = certificates.iter().map(|pki| pki.ca.certificate.clone()).collect();
        CaCertificates { ca, ra: Vec::new() }
    };
    let announced = [next.ca.certificate.clone()];
    let trusted = |ca: CaCertificates| {
        ca.trusted_or_announced(fingerprint.octets(), &announced).map(|it| it.ca.len())
    };
    assert_eq!(trusted(of(&[&pki])).unwrap(), 1);
    assert_eq!(trusted(of(&[&next])).unwrap(), 1);
    assert_eq!(trusted(of(&[&other, &next, &pki])).unwrap(), 2);
    assert!(trusted(of(&[&other])).unwrap_err().to_string().contains("configured fingerprint"));
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
