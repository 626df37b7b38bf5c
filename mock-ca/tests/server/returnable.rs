//! A CA decides about a request only if it can answer it.

use std::sync::Arc;

use mock_ca::{Approval, Ca, ChallengePolicy, PersonalityName, Settings};
use openssl::{
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::Rsa,
};
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, PkiStatus},
    danger, envelope,
    identity::Identity,
    key_usage::KeyUsage,
    message::{ExtraAttribute, Message, MessageBuilder},
};

use crate::{
    client::{LINUX, NDES, Response, enrol, key, last_reason, open_with, password, send, settings},
    messages::{csr, pkcs_req, signer},
};

const TRANSACTION_ID: &str = "2.16.840.1.113733.1.9.7";
const PRINTABLE: u8 = 0x13;
const UTF8: u8 = 0x0c;
const IA5: u8 = 0x16;

const ALL: [(PersonalityName, &str); 3] = [
    (PersonalityName::Linux, LINUX),
    (PersonalityName::Ndes, NDES),
    (PersonalityName::Rfc8894, "/scep"),
];

fn open(personality: PersonalityName, change: impl FnOnce(&mut Settings)) -> Arc<Ca> {
    open_with(personality, |settings| {
        settings.challenge = ChallengePolicy::one_time(vec![password("ONCE")]);
        change(settings);
    })
}

/// Sends a PKCSReq with this value of the transactionID.
async fn request(ca: &Arc<Ca>, path: &str, id: Vec<u8>, signer: &Identity) -> Response {
    let certificates = ca.certificates();
    let opens = |usage: KeyUsage| usage.contains(KeyUsage::KEY_ENCIPHERMENT);
    let recipient = certificates.iter().find(|one| KeyUsage::of(one).is_some_and(opens)).unwrap();
    let body = csr("CN=MyUserCert", Some("ONCE"), &signer.key);
    let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
    let message = MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        sender_nonce: Some(Nonce::generate(&mut rand_bytes).unwrap()),
        extra_attributes: vec![ExtraAttribute { oid: TRANSACTION_ID.to_owned(), value_der: id }],
        content: Some(
            envelope::seal(&body, &[&**recipient], cipher, transport, &mut rand_bytes).unwrap(),
        ),
        certificates: vec![signer.certificate.clone()],
        ..MessageBuilder::default()
    };
    let message = danger::encode(&message, signer, &[]).unwrap();
    send(ca, "POST", &format!("{path}?operation=PKIOperation"), "", &message).await
}

fn value(tag: u8, text: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(text.len()).unwrap()], text].concat()
}

/// The pkiStatus of a CertRep, and its transactionID as it is encoded.
fn read(response: &Response) -> (PkiStatus, Vec<Vec<u8>>) {
    let reply = Message::parse(&response.body).unwrap();
    let attributes = reply.attributes();
    (attributes.pki_status().unwrap(), attributes.raw(TRANSACTION_ID))
}

#[tokio::test]
async fn transaction_id_that_no_reply_can_return_is_refused_before_the_decision() {
    for (personality, path) in ALL.into_iter().filter(|(it, _)| *it != PersonalityName::Linux) {
        for approval in [Approval::Automatic, Approval::Manual] {
            let ca = open(personality, |settings| settings.approval = approval);
            let signer = signer(&key());
            for id in [
                value(PRINTABLE, b"dev_1"),
                value(UTF8, b"dev@1"),
                value(UTF8, "d\u{e9}v".as_bytes()),
                value(IA5, b"a*b"),
                value(IA5, b"a\0b"),
            ] {
                let response = request(&ca, path, id.clone(), &signer).await;
                assert!(matches!(response.status, 400 | 500), "{personality}: {response:?}");
                let reason = last_reason(&ca);
                assert!(reason.contains("no PrintableString has"), "{personality}: {reason}");
                assert!(
                    ca.issued().unwrap().is_empty() && ca.pending().unwrap().is_empty(),
                    "{personality}: {id:?}"
                );
            }
        }
        // The password and the name are still free.
        let ca = open(personality, |_| ());
        request(&ca, path, value(PRINTABLE, b"dev_1"), &signer(&key())).await;
        enrol(&ca, path, settings(Some("ONCE"))).await.unwrap();
        assert_eq!(ca.issued().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn transaction_id_of_another_string_type_is_returned_as_a_printable_string() {
    for (personality, path) in ALL {
        for (tag, id) in [(UTF8, "plain"), (IA5, "plain"), (PRINTABLE, ""), (PRINTABLE, "a b:c")] {
            let ca = open(personality, |_| ());
            let signer = signer(&key());
            let response = request(&ca, path, value(tag, id.as_bytes()), &signer).await;
            let expected = (PkiStatus::Success, vec![value(PRINTABLE, id.as_bytes())]);
            assert_eq!(read(&response), expected, "{personality} {id}");
            assert_eq!(ca.issued().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn linux_returns_other_transaction_ids_as_utf8_and_reads_strictly() {
    let ca = open(PersonalityName::Linux, |settings| {
        settings.challenge = ChallengePolicy::None;
        settings.allow_duplicate_names = true;
    });
    let signer = signer(&key());
    for (tag, id) in [(UTF8, "dev_1"), (UTF8, "d\u{e9}v"), (IA5, "a*b"), (PRINTABLE, "a*b")] {
        let response = request(&ca, LINUX, value(tag, id.as_bytes()), &signer).await;
        let expected = (PkiStatus::Success, vec![value(UTF8, id.as_bytes())]);
        assert_eq!(read(&response), expected, "{id}");
    }
    assert_eq!(ca.issued().unwrap().len(), 4);
    for id in ["dev_1", "dev@1"] {
        let response = request(&ca, LINUX, value(PRINTABLE, id.as_bytes()), &signer).await;
        assert_eq!(response.status, 500);
        assert_eq!(ca.issued().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn fault_that_needs_a_longer_key_does_not_happen() {
    let short: PKey<Private> = PKey::from_rsa(Rsa::generate(512).unwrap()).unwrap();
    for fault in ["oaep-reply", "aes256-reply", "des3-reply"] {
        let ca = open_with(PersonalityName::Rfc8894, |settings| {
            settings.faults = vec![format!("on: PKCSReq, do: {fault}").parse().unwrap()];
        });
        let signer = signer(&short);
        let request = pkcs_req("1", "CN=a", None, &signer);
        let response = request.response_with(&ca, "/scep", Cipher::Aes256, Digest::Sha1).await;
        assert_eq!(response.status, 200, "{fault}: {}", last_reason(&ca));
        assert_eq!(read(&response).0, PkiStatus::Success, "{fault}");
        assert_eq!(ca.issued().unwrap().len(), 1, "{fault}");
        // A key of 512 bits is too short for an AES-256 key by RSA-OAEP.
        assert_eq!(ca.faults()[0].fired, u32::from(fault != "oaep-reply"), "{fault}");
    }
}
