//! Settings that offer fewer capabilities, as old servers do, and operations that a personality does not serve.

use std::sync::Arc;

use mock_ca::{Ca, PersonalityName};
use scep::{
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, MessageType, PkiStatus},
    body::IssuerAndSerial,
    capabilities::Capability::{self, Des3, Renewal, Sha1},
    message::Message,
};

use crate::{
    client::{LINUX, NDES, enrol, get, key, last_reason, open_with, settings},
    messages::{Sent, csr, pkcs_req, signer},
};

const OLD: &[Capability] = &[Renewal, Sha1, Des3];

fn offering(personality: PersonalityName, capabilities: &[Capability]) -> Arc<Ca> {
    let capabilities = Some(capabilities.to_vec());
    open_with(personality, |settings| settings.capabilities = capabilities)
}

#[tokio::test]
async fn capabilities_are_written_in_the_style_of_the_server() {
    for (personality, path, text) in [
        (PersonalityName::Linux, LINUX, "Renewal\nSHA-1\nDES3"),
        (PersonalityName::Ndes, NDES, "Renewal\r\nSHA-1\r\nDES3"),
    ] {
        let ca = offering(personality, OLD);
        let answer = get(&ca, &format!("{path}?operation=GetCACaps")).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, text.as_bytes()));
    }
    let answer = get(&offering(PersonalityName::Linux, &[]), "/scep?operation=GetCACaps").await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &[][..]));
}

#[tokio::test]
async fn client_uses_the_algorithms_of_an_old_server() {
    for (personality, path) in [(PersonalityName::Linux, LINUX), (PersonalityName::Ndes, NDES)] {
        for capabilities in [OLD, &[]] {
            enrol(&offering(personality, capabilities), path, settings(None)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn post_is_refused_if_it_is_not_offered() {
    for (personality, path, status) in
        [(PersonalityName::Linux, LINUX, 404), (PersonalityName::Ndes, NDES, 405)]
    {
        let ca = offering(personality, OLD);
        let signer = signer(&key());
        let request = pkcs_req("1", "CN=a", None, &signer);
        let answer = request.response_with(&ca, path, Cipher::TripleDes, Digest::Sha1).await;
        assert_eq!(answer.status, status);
        assert!(ca.issued().unwrap().is_empty());
    }
}

#[tokio::test]
async fn algorithms_are_refused_if_they_are_not_offered() {
    let offer = [Capability::PostPkiOperation, Sha1, Des3];
    let signer = signer(&key());
    let request = pkcs_req("1", "CN=a", None, &signer);
    for (cipher, digest, refused) in [
        (Cipher::Aes128, Digest::Sha1, "AES-128"),
        (Cipher::TripleDes, Digest::Sha256, "SHA-256"),
        (Cipher::TripleDes, Digest::Sha512, "SHA-512"),
    ] {
        let linux = offering(PersonalityName::Linux, &offer);
        assert_eq!(request.response_with(&linux, LINUX, cipher, digest).await.status, 500);
        let ndes = offering(PersonalityName::Ndes, &offer);
        let answer = request.response_with(&ndes, NDES, cipher, digest).await;
        let reply = Message::parse(&answer.body).unwrap();
        assert_eq!(reply.attributes().fail_info().unwrap(), FailInfo::BadAlg);
        for ca in [linux, ndes] {
            let reason = last_reason(&ca);
            assert!(reason.starts_with(&format!("{refused} is not among")), "{reason}");
            assert!(ca.issued().unwrap().is_empty());
        }
    }
    for cipher in [Cipher::TripleDes, Cipher::Des] {
        let ca = offering(PersonalityName::Linux, &offer);
        let answer = request.response_with(&ca, LINUX, cipher, Digest::Sha1).await;
        let reply = Message::parse(&answer.body).unwrap();
        assert_eq!(reply.attributes().pki_status().unwrap(), PkiStatus::Success);
    }
}

#[tokio::test]
async fn renewal_is_refused_if_it_is_not_offered() {
    let offer = [Capability::ScepStandard];
    let signer = signer(&key());
    let body = csr("CN=a", None, &signer.key);
    let request = Sent { message_type: MessageType::RenewalReq, id: "1", body, signer: &signer };
    let linux = offering(PersonalityName::Linux, &offer);
    let answer = request.response_with(&linux, LINUX, Cipher::Aes128, Digest::Sha256).await;
    assert_eq!((answer.status, last_reason(&linux).as_str()), (500, "RenewalReq is not served"));
    let ndes = offering(PersonalityName::Ndes, &offer);
    let reply = request.to(&ndes, NDES).await;
    assert_eq!(reply.attributes().fail_info().unwrap(), FailInfo::BadRequest);
}

#[tokio::test]
async fn get_cert_and_get_crl_are_not_served_by_linux_and_ndes() {
    for message_type in [MessageType::GetCert, MessageType::GetCrl] {
        let signer = signer(&key());
        let body = IssuerAndSerial::encode(&signer.certificate).unwrap();
        let request = Sent { message_type: message_type.clone(), id: "1", body, signer: &signer };
        let linux = open_with(PersonalityName::Linux, |_| ());
        let answer = request.response_with(&linux, LINUX, Cipher::Aes128, Digest::Sha256).await;
        assert_eq!(answer.status, 500);
        assert_eq!(last_reason(&linux), format!("{message_type} is not served"));
        let ndes = open_with(PersonalityName::Ndes, |_| ());
        let reply = request.to(&ndes, NDES).await;
        assert_eq!(reply.attributes().fail_info().unwrap(), FailInfo::BadRequest);
    }
}
