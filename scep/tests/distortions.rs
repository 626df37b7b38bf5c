//! Messages that are wrong on purpose are refused, each for its own reason; messages that are only unusual are understood.
#![expect(clippy::unwrap_used, reason = "a test program")]

use std::sync::OnceLock;

use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa};
use scep::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    ber,
    clock::Clock,
    danger::{self, Distortion},
    envelope,
    identity::Identity,
    message::{AttributeName, ExtraAttribute, Message, MessageBuilder, Reading, TransactionString},
    name, request,
};

fn signer() -> &'static Identity {
    static SIGNER: OnceLock<Identity> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let subject = name::parse("CN=client").unwrap();
        request::self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap()
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
    let wrong = |name, reason: &str| MalformedAttribute { name, reason: reason.to_owned() };
    for (distortion, reason) in [
        (Distortion::Omit(TransactionId), MissingAttribute("transactionID")),
        (Distortion::Omit(MessageType), MissingAttribute("messageType")),
        (Distortion::Omit(SenderNonce), MissingAttribute("senderNonce")),
        (Distortion::Omit(MessageDigest), MissingAttribute("messageDigest")),
        (Distortion::Repeat(TransactionId), RepeatedAttribute("transactionID")),
        (Distortion::Repeat(SenderNonce), RepeatedAttribute("senderNonce")),
        (
            Distortion::Retype(SenderNonce),
            wrong("senderNonce", "its value is an IA5String, not an OCTET STRING"),
        ),
        (
            Distortion::Retype(MessageType),
            wrong("messageType", "its value is an OCTET STRING, not a readable PrintableString"),
        ),
        (Distortion::WrongMessageDigest, DigestMismatch),
        (Distortion::CorruptSignature, BadSignature),
        (Distortion::NoSigner, WrongNumberOfSigners(0)),
        (Distortion::TwoSigners, WrongNumberOfSigners(2)),
    ] {
        match read(&[distortion]) {
            Err(Error::PeerMisbehaved(actual)) => assert_eq!(actual, reason, "{distortion:?}"),
            other => panic!("{distortion:?}: {other:?}"),
        }
    }
    let error = read(&[Distortion::NoSignedAttributes]).unwrap_err().to_string();
    assert!(error.starts_with("a signed message (CMS) without SCEP's attributes"), "{error}");
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
    let envelope = envelope::seal(
        &content,
        &recipient,
        Cipher::Aes128,
        KeyTransport::Pkcs1v15,
        &mut rand_bytes,
    );
    let streamed = danger::stream(&envelope.unwrap()).unwrap();
    let opened = envelope::open(&streamed, signer()).unwrap();
    assert_eq!(opened.content, content);
}

#[test]
fn wrapped_content_is_ber_and_opens() {
    let recipient = [signer().certificate.as_ref()];
    let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
    let sealed = envelope::seal(b"text", &recipient, cipher, transport, &mut rand_bytes).unwrap();
    assert!(envelope::is_der(&sealed));
    let wrapped = danger::wrap_content(&sealed).unwrap();
    // All lengths are definite and all strings are in one piece, but the content is in a constructed field.
    assert_eq!(ber::normalise(&wrapped).unwrap(), wrapped);
    assert!(!envelope::is_der(&wrapped));
    assert_eq!(danger::wrap_content(&wrapped).unwrap(), wrapped);
    let streamed = danger::stream(&sealed).unwrap();
    assert!(!envelope::is_der(&streamed));
    let bare = danger::without_parameters(&sealed).unwrap();
    assert_eq!(bare.len(), sealed.len() - 2);
    for other in [wrapped, streamed, bare] {
        assert_eq!(envelope::open(&other, signer()).unwrap().content, b"text");
    }
}

/// The error of an envelope in which these bytes, of the same length, stand in place of others.
fn changed(sealed: &[u8], from: &[u8], to: &[u8]) -> String {
    let at = sealed.windows(from.len()).rposition(|part| part == from).unwrap();
    let changed = [&sealed[..at], to, &sealed[at + from.len()..]].concat();
    envelope::open(&changed, signer()).unwrap_err().to_string()
}

#[test]
fn envelope_that_does_not_open_says_what_is_wrong() {
    let stranger = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = name::parse("CN=client").unwrap();
    let stranger =
        request::self_signed(&subject, &stranger, Digest::Sha256, Clock::system().now()).unwrap();
    let recipient = [signer().certificate.as_ref()];
    let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
    let sealed = envelope::seal(b"text", &recipient, cipher, transport, &mut rand_bytes).unwrap();
    let wrapped = danger::wrap_content(&sealed).unwrap();
    // The content is 16 bytes long: the end of the envelope is `80 10 …`, or `a0 12 04 10 …`.
    let octets = [&[0xa0, 0x12, 0x04, 0x10][..], &wrapped[wrapped.len() - 16..]].concat();
    let utf8 = [&[0xa0, 0x12, 0x0c, 0x10][..], &wrapped[wrapped.len() - 16..]].concat();
    assert_eq!(
        changed(&wrapped, &octets, &utf8),
        "malformed encrypted content in pieces: one is a UTF8String, not an OCTET STRING"
    );
    let cut = [&[0xa0, 0x12, 0x04, 0x0f][..], &wrapped[wrapped.len() - 16..]].concat();
    let cut = changed(&wrapped, &octets, &[&cut[..19], &[0x05]].concat());
    assert!(cut.starts_with("malformed"), "{cut}");
    let short = [&[0xa0, 0x12, 0x04, 0x0e][..], &[7; 14], &[0x04, 0x00]].concat();
    assert_eq!(
        changed(&wrapped, &octets, &short),
        "the encrypted content has 14 bytes, and the cipher makes blocks of 16 bytes: it is incomplete or damaged"
    );
    let other = envelope::open(&sealed, &stranger).unwrap_err().to_string();
    assert!(other.starts_with("the envelope is addressed to the certificate "), "{other}");
    // The same certificate with another key.
    let wrong = Identity { key: stranger.key, certificate: signer().certificate.clone() };
    let error = envelope::open(&sealed, &wrong).unwrap_err().to_string();
    assert!(error.contains("but its key does not open it"), "{error}");
}

#[test]
fn attribute_with_a_wrong_value_says_what_came() {
    const TRANSACTION_ID: &str = "2.16.840.1.113733.1.9.7";
    const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
    let strict = Reading { strict_strings: true, ..Reading::DEFAULT };
    let error = |oid: &str, value: &[u8], reading| {
        let builder = MessageBuilder {
            message_type: Some(MessageType::PkcsReq),
            extra_attributes: vec![ExtraAttribute {
                oid: oid.to_owned(),
                value_der: value.to_vec(),
            }],
            content: Some(vec![1]),
            certificates: vec![signer().certificate.clone()],
            ..MessageBuilder::default()
        };
        let bytes = danger::encode(&builder, signer(), &[]).unwrap();
        let message = Message::parse_as(&bytes, reading).unwrap();
        let attributes = message.attributes();
        match oid {
            TRANSACTION_ID => attributes.transaction_id().map(drop),
            _ => attributes.signing_time().map(drop),
        }
        .unwrap_err()
        .to_string()
    };
    for (oid, value, reading, reason) in [
        (
            TRANSACTION_ID,
            &b"\x02\x01\x07"[..],
            Reading::DEFAULT,
            "its value is an INTEGER, not a readable PrintableString",
        ),
        (
            TRANSACTION_ID,
            b"\x13\x05dev_1",
            strict,
            "its PrintableString has `_`, which is no character of that type",
        ),
        (
            SIGNING_TIME,
            b"\x13\x04noon",
            Reading::DEFAULT,
            "its value is a PrintableString, not a time from 1970 on, with seconds and `Z` (RFC 5652 §11.3)",
        ),
        (
            SIGNING_TIME,
            b"\x17\x0d500101000000Z",
            Reading::DEFAULT,
            "its value is a UTCTime, not a time from 1970 on, with seconds and `Z` (RFC 5652 §11.3)",
        ),
        (SIGNING_TIME, b"\x17\x00", Reading::DEFAULT, "it is empty"),
    ] {
        let name = if oid == TRANSACTION_ID { "transactionID" } else { "signingTime" };
        let expected = format!("the {name} attribute has the wrong encoding: {reason}");
        assert_eq!(error(oid, value, reading), expected);
    }
}

/// A reader that takes everything that [`Reading`] names.
const LENIENT: Reading = Reading {
    any_content_type: true,
    repeated_attributes: true,
    several_signers: true,
    trailing_bytes: true,
    ..Reading::DEFAULT
};

#[test]
fn lenient_reader_takes_the_first_of_repeated_attributes_and_ignores_what_follows() {
    let distorted = [
        Distortion::Repeat(AttributeName::TransactionId),
        Distortion::Repeat(AttributeName::SenderNonce),
        Distortion::ContentTypeNotData,
        Distortion::TwoSigners,
    ];
    let bytes = [built(&distorted), vec![0; 8]].concat();
    assert!(Message::parse(&bytes).is_err());
    let message = Message::parse_as(&bytes, LENIENT).unwrap();
    let attributes = message.attributes();
    assert_eq!(attributes.transaction_id().unwrap(), TransactionId::new("T1"));
    assert_eq!(attributes.sender_nonce().unwrap(), Nonce::new([7; 16]));
    message.verify(&[]).unwrap();
}

#[test]
fn reader_that_sorts_the_attributes_finds_another_signature() {
    let sorts = Reading { sorts_attributes: true, ..Reading::DEFAULT };
    for (distortions, is_sorted) in [(&[][..], true), (&[Distortion::UnsortedAttributes], false)] {
        let bytes = built(distortions);
        Message::parse(&bytes).unwrap().verify(&[]).unwrap();
        let read = Message::parse_as(&bytes, sorts).unwrap();
        assert_eq!(read.verify(&[]).is_ok(), is_sorted);
    }
}

#[test]
fn reader_of_the_first_piece_finds_another_digest() {
    let content = vec![5; 2500];
    let message = |content| MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        content: Some(content),
        certificates: vec![signer().certificate.clone()],
        ..MessageBuilder::default()
    };
    let first = Reading { first_piece_alone: true, ..Reading::DEFAULT };
    for (length, is_whole) in [(500, true), (2500, false)] {
        let encoded = message(content[..length].to_vec()).encode(signer()).unwrap();
        let streamed = danger::stream(&encoded).unwrap();
        Message::parse(&streamed).unwrap().verify(&[]).unwrap();
        let read = Message::parse_as(&streamed, first).unwrap();
        assert_eq!(read.verify(&[]).is_ok(), is_whole, "{length}");
        assert_eq!(first.loses_pieces(&streamed), !is_whole, "{length}");
        assert!(!Reading::DEFAULT.loses_pieces(&streamed) && !first.loses_pieces(&encoded));
    }
}

#[test]
fn transaction_id_outside_printable_string_needs_another_string_type() {
    let message = |id, transaction_string| MessageBuilder {
        transaction_id: Some(TransactionId::new(id)),
        transaction_string,
        ..MessageBuilder::default()
    };
    assert!(message("dev_1", TransactionString::Printable).encode(signer()).is_err());
    for (id, tag) in [("dev_1", 0x0c), ("dev-1", 0x13), ("", 0x13)] {
        let encoded = message(id, TransactionString::PrintableOrUtf8).encode(signer()).unwrap();
        let values = Message::parse(&encoded).unwrap().attributes().raw("2.16.840.1.113733.1.9.7");
        assert_eq!(values[0][0], tag, "{id}");
        assert_eq!(TransactionId::new(id).unprintable().is_some(), tag == 0x0c);
    }
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
