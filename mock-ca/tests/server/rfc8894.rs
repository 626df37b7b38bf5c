//! The personality that follows RFC 8894.

use std::{sync::Arc, time::Duration};

use mock_ca::{Ca, ChallengePolicy, PersonalityName, RevocationError};
use openssl::{
    rand::rand_bytes,
    x509::{CrlStatus, X509},
};
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    body::IssuerAndSerial,
    certs_only,
    clock::Clock,
    envelope,
    identity::Identity,
    key_usage::KeyUsage,
    message::{Message, MessageBuilder},
};
use tempfile::TempDir;

use crate::{
    client::{ca, enrol, get, key, last_reason, open_with, password, send, settings},
    messages::{Sent, csr, pkcs_req, poll, signer, stolen_csr},
    state::forget,
};

/// The path for a client that was given none.
const PATH: &str = "/cgi-bin/pkiclient.exe";

fn rfc8894() -> Arc<Ca> {
    ca(PersonalityName::Rfc8894, ChallengePolicy::None)
}

pub(crate) fn refused(reply: &Message) -> FailInfo {
    let attributes = reply.attributes();
    assert_eq!(attributes.pki_status().unwrap(), PkiStatus::Failure);
    assert_eq!(reply.content(), None);
    assert!(reply.certificates().is_empty());
    assert!(attributes.fail_info_text().unwrap().is_some_and(|text| !text.is_empty()));
    attributes.fail_info().unwrap()
}

/// The content of a SUCCESS for this identity.
pub(crate) fn opened(reply: &Message, recipient: &Identity) -> certs_only::CertsOnly {
    assert_eq!(reply.attributes().pki_status().unwrap(), PkiStatus::Success);
    let opened = envelope::open(reply.content().unwrap(), recipient).unwrap();
    certs_only::decode(&opened.content).unwrap()
}

pub(crate) async fn certified(ca: &Arc<Ca>, name: &str) -> Identity {
    let own = signer(&key());
    let reply = pkcs_req(name, &format!("CN={name}"), None, &own).to(ca, PATH).await;
    let certificate = opened(&reply, &own).certificates.remove(0);
    Identity { certificate, key: own.key }
}

pub(crate) fn asking<'a>(
    message_type: MessageType,
    about: &X509,
    signer: &'a Identity,
) -> Sent<'a> {
    Sent { message_type, id: "1", body: IssuerAndSerial::encode(about).unwrap(), signer }
}

#[tokio::test]
async fn scep_is_at_every_path() {
    let ca = rfc8894();
    assert_eq!((PersonalityName::Rfc8894.default_port(), ca.paths()), (8082, vec![PATH]));
    for path in [PATH, "/", "/scep", "/a/b"] {
        let answer = get(&ca, &format!("{path}?operation=GetCACaps")).await;
        assert_eq!(answer.header("Content-Type"), Some("text/plain"));
        assert_eq!(
            String::from_utf8(answer.body).unwrap(),
            "AES\nDES3\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-1\nSHA-256\nSHA-512"
        );
        enrol(&ca, path, settings(None)).await.unwrap();
    }
    let certificate = get(&ca, "/?operation=GetCACert").await;
    assert_eq!(certificate.header("Content-Type"), Some("application/x-x509-ca-cert"));
    let certificate = X509::from_der(&certificate.body).unwrap();
    for usage in [KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_ENCIPHERMENT, KeyUsage::CRL_SIGN] {
        assert!(KeyUsage::of(&certificate).unwrap().contains(usage));
    }
}

#[tokio::test]
async fn issued_certificate_can_sign_and_decrypt() {
    let ca = rfc8894();
    let certificate = certified(&ca, "a").await.certificate;
    let usage = KeyUsage::of(&certificate).unwrap();
    assert_eq!(usage, KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT);
    let issuer = ca.ca_certificate();
    let key_id = issuer.subject_key_id().unwrap().as_slice();
    assert_eq!(certificate.authority_key_id().unwrap().as_slice(), key_id);
    assert_eq!(certificate.not_before().diff(certificate.not_after()).unwrap().days, 365);
}

#[tokio::test]
async fn unreadable_requests_are_answered_400() {
    let ca = rfc8894();
    for query in ["", "?operation=GetCACert2", "?operation=PKIOperation&message=%25"] {
        let answer = get(&ca, &format!("{PATH}{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.header("Content-Type").unwrap().starts_with("text/plain"));
    }
    let target = format!("{PATH}?operation=PKIOperation");
    assert_eq!(send(&ca, "POST", &target, "", b"garbage").await.status, 400);
    assert_eq!(send(&ca, "DELETE", &target, "", b"").await.status, 405);
}

#[tokio::test]
async fn each_refusal_has_its_fail_info_and_a_text() {
    let ca = ca(PersonalityName::Rfc8894, ChallengePolicy::Static(password("s3cret")));
    let own = signer(&key());
    let sent = |message_type, body| Sent { message_type, id: "1", body, signer: &own };
    let good = || csr("CN=a", Some("s3cret"), &own.key);
    for (request, expected) in [
        (pkcs_req("1", "CN=a", None, &own), FailInfo::BadMessageCheck),
        (pkcs_req("1", "CN=a", Some("wrong"), &own), FailInfo::BadMessageCheck),
        (
            sent(MessageType::PkcsReq, stolen_csr("CN=a", &key(), &own.key)),
            FailInfo::BadMessageCheck,
        ),
        (sent(MessageType::PkcsReq, b"no request".to_vec()), FailInfo::BadRequest),
        (sent(MessageType::RenewalReq, good()), FailInfo::BadRequest),
        (sent(MessageType::Other("99".into()), good()), FailInfo::BadRequest),
        (sent(MessageType::CertRep, good()), FailInfo::BadRequest),
        (poll(&ca, "unheard-of", &own), FailInfo::BadCertId),
        (asking(MessageType::GetCert, &own.certificate, &own), FailInfo::BadCertId),
        (asking(MessageType::GetCert, &ca.ca_certificate(), &own), FailInfo::BadCertId),
        (asking(MessageType::GetCrl, &own.certificate, &own), FailInfo::BadCertId),
    ] {
        let what = format!("{} {expected}", request.message_type);
        assert_eq!(refused(&request.to(&ca, PATH).await), expected, "{what}");
    }
    let request = sent(MessageType::PkcsReq, good());
    for (cipher, digest) in [(Cipher::Des, Digest::Sha256), (Cipher::Aes128, Digest::Md5)] {
        let answer = request.response_with(&ca, PATH, cipher, digest).await;
        assert_eq!(refused(&Message::parse(&answer.body).unwrap()), FailInfo::BadAlg);
    }
    assert!(ca.issued().unwrap().is_empty());
    for (cipher, digest) in [(Cipher::TripleDes, Digest::Sha1), (Cipher::Aes128, Digest::Sha512)] {
        let answer = request.response_with(&ca, PATH, cipher, digest).await;
        opened(&Message::parse(&answer.body).unwrap(), &own);
    }
}

/// Sends a PKCSReq that `change` has altered.
async fn changed(ca: &Arc<Ca>, change: impl FnOnce(&mut MessageBuilder)) -> Message {
    let own = signer(&key());
    let body = csr("CN=a", None, &own.key);
    let (aes, plain) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
    let content =
        envelope::seal(&body, &[&*ca.ca_certificate()], aes, plain, &mut rand_bytes).unwrap();
    let mut message = MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        transaction_id: Some(TransactionId::from_public_key(&own.key).unwrap()),
        sender_nonce: Some(Nonce::new(*b"0123456789abcdef")),
        content: Some(content),
        certificates: vec![own.certificate.clone()],
        ..MessageBuilder::default()
    };
    change(&mut message);
    let message = message.encode(&own).unwrap();
    let target = format!("{PATH}?operation=PKIOperation");
    let answer = send(ca, "POST", &target, "", &message).await;
    assert_eq!(answer.status, 200, "{}", last_reason(ca));
    Message::parse(&answer.body).unwrap()
}

#[tokio::test]
async fn message_without_readable_content_is_answered_with_a_cert_rep() {
    let ca = rfc8894();
    let reply = changed(&ca, |message| message.content = None).await;
    assert_eq!(refused(&reply), FailInfo::BadRequest);
    let reply = changed(&ca, |message| {
        message.content = Some(b"no envelope".to_vec());
        message.transaction_id = Some(TransactionId::new("1"));
    })
    .await;
    assert_eq!(refused(&reply), FailInfo::BadRequest);
    let attributes = reply.attributes();
    assert_eq!(attributes.recipient_nonce().unwrap().as_bytes(), b"0123456789abcdef");
    assert_eq!(attributes.transaction_id().unwrap(), TransactionId::new("1"));
    assert_ne!(attributes.sender_nonce().unwrap(), attributes.recipient_nonce().unwrap());
}

#[tokio::test]
async fn message_of_another_time_is_refused() {
    let ca = rfc8894();
    let now = Clock::system().now();
    let near = Duration::from_secs(9 * 60);
    let far = Duration::from_secs(11 * 60);
    for time in [now - near, now + near] {
        let reply = changed(&ca, |message| message.signing_time = Some(time)).await;
        assert_eq!(reply.attributes().pki_status().unwrap(), PkiStatus::Success);
    }
    for time in [now - far, now + far] {
        let reply = changed(&ca, |message| message.signing_time = Some(time)).await;
        assert_eq!(refused(&reply), FailInfo::BadTime);
    }
}

#[tokio::test]
async fn repeated_request_gets_the_same_certificate() {
    let ca = rfc8894();
    let own = signer(&key());
    let request = pkcs_req("1", "CN=a", None, &own);
    let first = opened(&request.to(&ca, PATH).await, &own);
    let second = opened(&request.to(&ca, PATH).await, &own);
    assert_eq!(first.certificates[0].to_der().unwrap(), second.certificates[0].to_der().unwrap());
    opened(&poll(&ca, "1", &own).to(&ca, PATH).await, &own);
    assert_eq!(ca.issued().unwrap().len(), 1);
    // Another request may have the same name.
    certified(&ca, "a").await;
}

#[tokio::test]
async fn certificate_is_renewed_by_renewal_req_until_it_is_revoked() {
    let ca = ca(PersonalityName::Rfc8894, ChallengePolicy::one_time(vec![password("ONCE")]));
    let own = signer(&key());
    let reply = pkcs_req("1", "CN=a", Some("ONCE"), &own).to(&ca, PATH).await;
    let certificate = opened(&reply, &own).certificates.remove(0);
    let existing = Identity { certificate, key: own.key };
    let renewal = |message_type, id| Sent {
        message_type,
        id,
        body: csr("CN=a", None, &key()),
        signer: &existing,
    };
    let reply = renewal(MessageType::RenewalReq, "2").to(&ca, PATH).await;
    opened(&reply, &existing);
    assert!(reply.certificates()[0].to_der().unwrap() == ca.ca_certificate().to_der().unwrap());
    // With another message type the certificate authorises nothing.
    let reply = renewal(MessageType::PkcsReq, "3").to(&ca, PATH).await;
    assert_eq!(refused(&reply), FailInfo::BadMessageCheck);

    ca.revoke(&ca.issued().unwrap()[0].serial).unwrap();
    let reply = renewal(MessageType::RenewalReq, "4").to(&ca, PATH).await;
    assert_eq!(refused(&reply), FailInfo::BadRequest);
    assert_eq!(ca.issued().unwrap().len(), 2);
}

#[tokio::test]
async fn get_cert_and_get_crl_are_answered() {
    let directory = TempDir::new().unwrap();
    let opened_again = || {
        let state = Some(directory.path().to_owned());
        open_with(PersonalityName::Rfc8894, |settings| settings.state = state)
    };
    let ca = opened_again();
    let (one, other) = (certified(&ca, "a").await, certified(&ca, "b").await);
    let given = asking(MessageType::GetCert, &one.certificate, &other).to(&ca, PATH).await;
    let given = opened(&given, &other).certificates;
    assert_eq!(given[0].to_der().unwrap(), one.certificate.to_der().unwrap());
    assert_eq!(last_reason(&ca), "gave 01 of `CN = a`");

    let list = asking(MessageType::GetCrl, &one.certificate, &one).to(&ca, PATH).await;
    let list = opened(&list, &one).crls.remove(0);
    assert!(list.get_revoked().is_none());
    ca.revoke("01").unwrap();
    assert!(matches!(ca.revoke("01"), Err(RevocationError::Already(_))));
    assert!(matches!(ca.revoke("0b"), Err(RevocationError::NotIssued(_))));
    let next_ca = get(&ca, "/?operation=GetNextCACert").await.body;
    forget(ca).await;

    let ca = opened_again();
    assert!(ca.issued().unwrap()[0].revoked.is_some() && ca.issued().unwrap()[1].revoked.is_none());
    let list = asking(MessageType::GetCrl, &one.certificate, &other).to(&ca, PATH).await;
    let list = opened(&list, &other).crls.remove(0);
    assert!(list.verify(&ca.ca_certificate().public_key().unwrap()).unwrap());
    assert!(matches!(list.get_by_cert(&one.certificate), CrlStatus::Revoked(_)));
    assert!(matches!(list.get_by_cert(&other.certificate), CrlStatus::NotRevoked));
    let again = get(&ca, "/?operation=GetNextCACert").await.body;
    assert_eq!(following(&ca, &again), following(&ca, &next_ca));
}

/// The certificate in an answer to GetNextCACert, in DER.
fn following(ca: &Ca, answer: &[u8]) -> Vec<u8> {
    let message = Message::parse(answer).unwrap();
    let signer = message.verify(&[&ca.ca_certificate()]).unwrap();
    assert_eq!(signer.to_der().unwrap(), ca.ca_certificate().to_der().unwrap());
    let held = certs_only::decode(message.content().unwrap()).unwrap();
    held.certificates[0].to_der().unwrap()
}

#[tokio::test]
async fn next_ca_certificate_is_signed_by_this_ca() {
    let ca = rfc8894();
    let answer = get(&ca, "/?operation=GetNextCACert").await;
    assert_eq!(answer.header("Content-Type"), Some("application/x-x509-next-ca-cert"));
    let next = X509::from_der(&following(&ca, &answer.body)).unwrap();
    assert!(next.verify(&next.public_key().unwrap()).unwrap());
    let current = ca.ca_certificate();
    assert!(next.subject_name().try_cmp(current.subject_name()).unwrap().is_eq());
    assert!(next.not_before() >= current.not_after());

    let without =
        open_with(PersonalityName::Rfc8894, |settings| settings.capabilities = Some(vec![]));
    assert_eq!(get(&without, "/?operation=GetNextCACert").await.status, 400);
}
