//! The answers that a client needs after its enrolment: revocation lists and the next CA.

use scep::{
    attribute::{MessageType, Nonce, TransactionId},
    capabilities::Capabilities,
    client::{CaCertificates, CrlQuery},
    clock::{moment_text, written},
    http::HttpResponse,
    message::{Message, MessageBuilder},
    name,
    revocation_list::{RevocationList, distribution_points},
};

use super::success;
use crate::{
    fixtures::{CA, DEVICE, STEP_CA, entropy, now},
    text,
};

/// Reads the answer to GetNextCACert as a client that knows two CAs.
pub(super) fn next_ca(body: &[u8]) {
    let Some(next) = text::checked(known().read_next(&response(body), now())) else { return };
    let signer = Message::parse(body).expect("what was read").verify(&[&CA.certificate, &STEP_CA]);
    let signer = signer.expect("what was read is signed");
    assert!(*signer == *CA.certificate || *signer == *STEP_CA, "a stranger has signed it");
    text::check_characters(&name::to_text(next.issuer(now()).subject_name()));
    text::checked(known().trusted_or_announced(&[0x5a; 32], &next.ca));
    for one in next.ca.iter().chain(&next.ra) {
        distribution_points(one);
    }
}

/// An answer to GetNextCACert with this content, which the CA has signed.
pub(super) fn signed_content(content: &[u8]) -> Vec<u8> {
    let message = MessageBuilder { content: Some(content.to_vec()), ..MessageBuilder::default() };
    message.encode(&CA).expect("a message can be signed")
}

/// Reads a list as a distribution point returns it, and again as it is written then.
pub(super) fn revocation_list(bytes: &[u8]) {
    let Some(list) = text::checked(RevocationList::read(bytes)) else { return };
    look_at(&list);
    let again = RevocationList::read(&list.to_der().expect("what was read"));
    let again = again.expect("what was written");
    assert_eq!(
        (again.this_update(), again.next_update()),
        (list.this_update(), list.next_update())
    );
    assert_eq!((again.number(), again.revoked()), (list.number(), list.revoked()));
    assert_eq!(again.check_about(&DEVICE.certificate), list.check_about(&DEVICE.certificate));
    assert_eq!(again.check_issuer(&CA.certificate), list.check_issuer(&CA.certificate));
}

/// Reads the answer to a GetCRL, whose envelope has this content.
pub(super) fn get_crl(envelope: &[u8]) {
    let capabilities = Capabilities::parse(b"SCEPStandard");
    let query = CrlQuery::new(DEVICE.clone(), None, None, &capabilities, &mut entropy);
    let query = query.expect("a CA with all algorithms");
    let request = query.request(&known(), &capabilities, now(), &mut entropy);
    request.expect("a request can be encoded");
    let message = MessageBuilder {
        message_type: Some(MessageType::CertRep),
        transaction_id: Some(TransactionId::generate(&mut entropy).expect("bytes")),
        sender_nonce: Some(Nonce::new([1; 16])),
        recipient_nonce: Some(Nonce::new([0x5a; 16])),
        ..success(envelope.to_vec())
    };
    let body = message.encode(&CA).expect("a message can be signed");
    let list = query.receive(&response(&body), &known(), now());
    if let Some(list) = text::checked(list) {
        look_at(&list);
    }
}

/// Looks at a list as a device does.
fn look_at(list: &RevocationList) {
    text::check_characters(&name::to_text(list.issuer()));
    assert!(list.number().is_none_or(|number| number.len() <= 50), "{:?}", list.number());
    for date in [Some(list.this_update()), list.next_update()].into_iter().flatten() {
        text::check(&moment_text(date));
        assert_ne!(written(date), "a time out of range");
    }
    for one in list.revoked() {
        text::check(&one.serial);
        text::check(&written(one.at));
    }
    text::checked(list.check_about(&DEVICE.certificate));
    let is_the_ca_s = text::checked(list.check_issuer(&CA.certificate)).is_some();
    if let Some(entry) = list.entry(&DEVICE.certificate) {
        assert!(list.revoked().contains(entry));
    }
    if is_the_ca_s {
        let key = CA.certificate.public_key().expect("a key");
        let der = list.to_der().expect("what was read");
        let list = openssl::x509::X509Crl::from_der(&der).expect("what was written");
        assert!(list.verify(&key).is_ok_and(|verifies| verifies), "a stranger has signed it");
    }
}

fn known() -> CaCertificates {
    CaCertificates { ca: vec![CA.certificate.clone(), STEP_CA.clone()], ra: Vec::new() }
}

fn response(body: &[u8]) -> HttpResponse {
    HttpResponse { status: 200, body: body.to_vec(), ..HttpResponse::default() }
}
