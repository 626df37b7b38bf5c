//! Challenge passwords in places where they do not belong are masked, too.

use std::fs;

use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{MessageType, Nonce, TransactionId};
use scep::clock::Clock;
use scep::envelope;
use scep::message::{ExtraAttribute, MessageBuilder};
use scep::name;
use scep::request::{ChallengeString, CsrBuilder, self_signed};
use scep::secret::Secret;

use super::{captures, explain};

const MARKED: &str = "marked-s3cret-7713";

/// A certification request with the marked password.
fn csr() -> Vec<u8> {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let password = Secret::new(MARKED);
    let csr = CsrBuilder {
        subject: &name::parse("CN=device").unwrap(),
        key: &key,
        challenge_password: Some(&password),
        challenge_string: ChallengeString::default(),
        extensions: &[],
        digest: Digest::Sha256,
    };
    csr.encode().unwrap()
}

/// A message with the marked password among its signed attributes.
fn signed_attribute() -> Vec<u8> {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = name::parse("CN=device").unwrap();
    let signer = self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap();
    let length = u8::try_from(MARKED.len()).unwrap();
    let message = MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        transaction_id: Some(TransactionId::new("secrets")),
        sender_nonce: Some(Nonce::new([1; 16])),
        extra_attributes: vec![ExtraAttribute {
            oid: "1.2.840.113549.1.9.7".to_owned(),
            value_der: [&[0x13, length], MARKED.as_bytes()].concat(),
        }],
        certificates: vec![signer.certificate.clone()],
        ..MessageBuilder::default()
    };
    message.encode(&signer).unwrap()
}

/// An envelope with the request, without a signed message around it.
fn bare_envelope() -> Vec<u8> {
    let pem = fs::read(captures().join("keys/rfc8894/ca.pem")).unwrap();
    let ca = X509::from_pem(&pem).unwrap();
    let transport = KeyTransport::Pkcs1v15;
    envelope::seal(&csr(), &[&ca], Cipher::Aes128, transport, &mut rand_bytes).unwrap()
}

/// A request whose signature is cut off.
fn damaged_request() -> Vec<u8> {
    let mut whole = csr();
    whole.truncate(whole.len() - 200);
    whole
}

#[test]
fn challenge_password_is_masked_wherever_it_is() {
    let page = format!(
        "HTTP/1.1 500 Error\r\nContent-Type: text/plain\r\n\r\nwrong password {MARKED}\r\n"
    );
    for bytes in [signed_attribute(), bare_envelope(), damaged_request()] {
        let folder = tempfile::tempdir().unwrap();
        let (message, reply) =
            (folder.path().join("message.der"), folder.path().join("reply.http"));
        fs::write(&message, bytes).unwrap();
        fs::write(&reply, &page).unwrap();
        let files = [message.to_str().unwrap(), reply.to_str().unwrap()];
        for more in [&[][..], &["--json"], &["--asn1"]] {
            let key = ["--key", "keys/rfc8894/ca.key"];
            let ended = explain(&[&files[..], &key, more].concat());
            assert!(!ended.transcript().contains("s3cret-7713"), "{}", ended.transcript());
            assert!(ended.stdout.contains("wrong password ****"), "{}", ended.transcript());
        }
    }
}
