//! Messages that are wrong on purpose are refused, each for its own reason; messages that are only unusual are understood.
#![expect(clippy::unwrap_used, reason = "a test program")]

use std::{sync::OnceLock, time::SystemTime};

use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa};
use scep::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    ber,
    danger::{self, Distortion},
    identity::Identity,
    message::{AttributeName, Message, MessageBuilder},
    name, request,
};

fn signer() -> &'static Identity {
    static SIGNER: OnceLock<Identity> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let subject = name::parse("CN=client").unwrap();
        request::self_signed(&subject, &key, Digest::Sha256, SystemTime::now()).unwrap()
    })
}

fn built(distortions: &[Distortion]) -> Vec<u8> {
    let builder = MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        transaction_id: Some(TransactionId::new("T1")),
        sender_nonce: Some(Nonce::new([7; 16])),
        content: Some(vec![1, 2, 3]),
        certificates: vec![signer().certificate.clone()],
        ..MessageBuilder::default()
    };
    danger::encode(&builder, signer(), distortions).unwrap()
}

/// The result of reading the attributes and verifying the signature.
fn read(distortions: &[Distortion]) -> Result<(), Error> {
    let message = Message::parse(&built(distortions))?;
    let attributes = message.attributes();
    attributes.message_type()?;
    attributes.transaction_id()?;
    attributes.sender_nonce()?;
    message.verify(&[]).map(drop)
}

#[test]
fn unusual_messages_are_understood() {
    for distortion in [Distortion::UnsortedAttributes, Distortion::Omit(AttributeName::ContentType)]
    {
        read(&[distortion]).unwrap();
    }
}

#[test]
fn malformed_messages_are_refused_each_for_its_own_reason() {
    use AttributeName::{MessageDigest, MessageType, SenderNonce, TransactionId};
    use PeerMisbehaved::{
        BadSignature, DigestMismatch, MalformedAttribute, MissingAttribute, RepeatedAttribute,
        WrongNumberOfSigners,
    };
    for (distortion, reason) in [
        (Distortion::Omit(TransactionId), MissingAttribute("transactionID")),
        (Distortion::Omit(MessageType), MissingAttribute("messageType")),
        (Distortion::Omit(SenderNonce), MissingAttribute("senderNonce")),
        (Distortion::Omit(MessageDigest), MissingAttribute("messageDigest")),
        (Distortion::Repeat(TransactionId), RepeatedAttribute("transactionID")),
        (Distortion::Repeat(SenderNonce), RepeatedAttribute("senderNonce")),
        (Distortion::Retype(SenderNonce), MalformedAttribute("senderNonce")),
        (Distortion::Retype(MessageType), MalformedAttribute("messageType")),
        (Distortion::WrongMessageDigest, DigestMismatch),
        (Distortion::CorruptSignature, BadSignature),
        (Distortion::NoSigner, WrongNumberOfSigners(0)),
        (Distortion::TwoSigners, WrongNumberOfSigners(2)),
        (Distortion::NoSignedAttributes, MissingAttribute("messageType")),
    ] {
        match read(&[distortion]) {
            Err(Error::PeerMisbehaved(actual)) => assert_eq!(actual, reason, "{distortion:?}"),
            other => panic!("{distortion:?}: {other:?}"),
        }
    }
    let error = read(&[Distortion::ContentTypeNotData]).unwrap_err();
    assert!(error.to_string().contains("not data"), "{error}");
}

#[test]
fn streamed_messages_are_normalised_to_the_same_message() {
    let der = built(&[]);
    let streamed = danger::stream(&der).unwrap();
    assert!(streamed.starts_with(&[0x30, 0x80]) && streamed.ends_with(&[0, 0]));
    assert_eq!(ber::normalise(&streamed).unwrap(), der);
    let content = vec![5; 2500];
    let recipient = [signer().certificate.as_ref()];
    let envelope = scep::envelope::seal(
        &content,
        &recipient,
        Cipher::Aes128,
        KeyTransport::Pkcs1v15,
        &mut rand_bytes,
    );
    let streamed = danger::stream(&envelope.unwrap()).unwrap();
    let opened = scep::envelope::open(&streamed, signer()).unwrap();
    assert_eq!(opened.content, content);
}

#[test]
fn challenge_password_is_read_from_any_string_type() {
    use scep::request::{ChallengeString, Csr, CsrBuilder};
    let password = scep::secret::Secret::new("8CE317021F690069");
    let subject = name::parse("CN=client").unwrap();
    let encoded = |challenge_string| {
        let builder = CsrBuilder {
            subject: &subject,
            key: &signer().key,
            challenge_password: Some(&password),
            challenge_string,
            extensions: &[],
            digest: Digest::Sha256,
        };
        builder.encode().unwrap()
    };
    let strings = [
        ChallengeString::PrintableOrUtf8,
        ChallengeString::Utf8,
        ChallengeString::Ia5,
        ChallengeString::Bmp,
    ];
    let mut all: Vec<_> = strings.into_iter().map(encoded).collect();
    for csr in &all {
        let read = Csr::from_der(csr).unwrap();
        assert_eq!(read.challenge_password.as_ref(), Some(&password));
        let shown = format!("{read:?}");
        assert!(shown.starts_with("Csr {") && !shown.contains(password.expose()), "{shown}");
    }
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[test]
fn csr_has_all_of_many_long_dns_names() {
    use scep::request::{ChallengeString, CsrBuilder, dns_names};
    let names: Vec<String> =
        (1..=9).map(|number| format!("{}.{number}.example.com", "a".repeat(60))).collect();
    let subject = name::parse("CN=client").unwrap();
    let extensions = [dns_names(&names).unwrap()];
    let builder = CsrBuilder {
        subject: &subject,
        key: &signer().key,
        challenge_password: None,
        challenge_string: ChallengeString::default(),
        extensions: &extensions,
        digest: Digest::Sha256,
    };
    let csr = openssl::x509::X509Req::from_der(&builder.encode().unwrap()).unwrap();
    let text = String::from_utf8(csr.to_text().unwrap()).unwrap();
    for name in names {
        assert!(text.contains(&format!("DNS:{name}")), "{text}");
    }
    assert!(dns_names(&["ü.example.com"]).is_err());
}
