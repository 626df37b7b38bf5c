//! The CA's record of requests.

use mock_ca::{ChallengePolicy, PersonalityName, QueryMessage};
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, TransactionId},
    capabilities::Capability,
    key_usage::KeyUsage,
};

use crate::{
    client::{LINUX, NDES, ca, enrol, get, key, open_with, password, send, settings},
    messages::{Sent, csr, pkcs_req, signer},
};

#[tokio::test]
async fn enrolment_is_recorded_request_by_request() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::Static(password("Kohlrabi-7Xq")));
    enrol(&ca, LINUX, settings(Some("Kohlrabi-7Xq"))).await.unwrap();
    let requests = ca.requests();
    let recorded: Vec<_> = requests
        .iter()
        .map(|one| (one.method.as_str(), one.operation.as_deref().unwrap(), one.post_offered))
        .collect();
    let offered = Some(true);
    assert_eq!(
        recorded,
        [
            ("GET", "GetCACaps", offered),
            ("GET", "GetCACert", offered),
            ("POST", "PKIOperation", offered)
        ]
    );

    let last = requests.last().unwrap();
    assert_eq!((last.path.as_str(), last.peer.as_str()), (LINUX, "client"));
    let message = last.message.as_ref().unwrap();
    assert_eq!(message.message_type, Some(MessageType::PkcsReq));
    assert_eq!(message.sender_nonce_bytes, Some(16));
    assert_eq!((message.digest, message.cipher), (Digest::Sha256, Some(Cipher::Aes128)));
    assert_eq!(message.key_transport, Some(KeyTransport::Pkcs1v15));
    assert_eq!(message.signer_is_self_signed, Some(true));
    let usage = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT;
    assert_eq!(message.signer_key_usage, Some(usage));
    let validity = message.signer_validity.unwrap();
    assert!(validity.from <= last.at && last.at <= validity.to, "{validity:?}");
    let csr = message.csr.as_ref().unwrap();
    assert_eq!((csr.subject.as_str(), csr.key_bits), ("CN = MyUserCert", 2048));
    assert!(csr.has_challenge && csr.proves_possession);
    assert!(csr.subject_is_signers && csr.key_is_signers);
    assert!(!format!("{requests:?}").contains("Kohlrabi"));
}

#[tokio::test]
async fn message_by_get_is_recorded_with_its_encoding() {
    let capabilities = vec![Capability::Aes, Capability::Sha256];
    let ca =
        open_with(PersonalityName::Linux, |settings| settings.capabilities = Some(capabilities));
    enrol(&ca, LINUX, settings(None)).await.unwrap();
    let last = ca.requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.post_offered), ("GET", Some(false)));
    assert!(last.query_message.unwrap().is_proper());
    assert!(last.message.is_some());

    get(&ca, "/scep?operation=PKIOperation&message=MIA=").await;
    let last = ca.requests().pop().unwrap();
    let bare = QueryMessage { bare_equals: true, ..QueryMessage::default() };
    assert_eq!((last.query_message, last.message), (Some(bare), None));
}

#[tokio::test]
async fn refused_message_is_recorded() {
    let ca = ca(PersonalityName::Ndes, ChallengePolicy::None);
    let other = signer(&key());
    let body = csr("CN=a", None, &key());
    let request = Sent { message_type: MessageType::RenewalReq, id: "7", body, signer: &other };
    request.to(&ca, NDES).await;
    let last = ca.requests().pop().unwrap();
    let message = last.message.unwrap();
    assert_eq!(message.transaction_id, Some(TransactionId::new("7")));
    let csr = message.csr.unwrap();
    assert!(!csr.subject_is_signers && !csr.key_is_signers && !csr.has_challenge);
    assert_eq!(csr.subject, "CN = a");
    assert!(csr.signer_subject.starts_with("CN = ") && csr.signer_subject != csr.subject);
}

#[tokio::test]
async fn other_requests_are_recorded_and_shortened() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    let path = format!("/{}", "x".repeat(5000));
    let answer = send(&ca, "PUT", &path, "Content-Type: text/x-odd\r\n", b"?").await;
    assert_eq!(answer.status, 404);
    let last = ca.requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.path.chars().count()), ("PUT", 301));
    assert!(last.path.ends_with('…'));
    assert_eq!((last.content_type.as_deref(), last.operation), (Some("text/x-odd"), None));

    let signer = signer(&key());
    let id = "9".repeat(250);
    pkcs_req(&id, "CN=a", None, &signer).to(&ca, LINUX).await;
    assert_eq!(ca.requests().len(), 2);
}
