//! What the CA says about requests that are not what they should be: in its log, and in its answer if the server that it behaves
//! like says something there.

use std::time::{Duration, SystemTime};

use mock_ca::{ChallengePolicy, PasswordProblem, PersonalityName};
use openssl::rand::rand_bytes;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    clock::Clock,
    envelope,
    identity::Identity,
    message::{ExtraAttribute, Message, MessageBuilder},
};

use crate::{
    client::{LINUX, NDES, ca, get, key, last_reason, password, raw, send},
    messages::{Sent, csr, signer},
};

const RFC: &str = "/cgi-bin/pkiclient.exe";
const ALL: [(PersonalityName, &str); 3] = [
    (PersonalityName::Linux, LINUX),
    (PersonalityName::Ndes, NDES),
    (PersonalityName::Rfc8894, RFC),
];

/// A certification request as macOS sent it: its version is 2, its signature is valid.
const VERSION_2: &[u8] = include_bytes!("../../../scep/tests/testdata/csr-version-2.der");

fn message(signer: &Identity, content: Vec<u8>, signing_time: Option<SystemTime>) -> Vec<u8> {
    builder(signer, content, signing_time).encode(signer).unwrap()
}

fn builder(
    signer: &Identity,
    content: Vec<u8>,
    signing_time: Option<SystemTime>,
) -> MessageBuilder {
    MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        transaction_id: Some(TransactionId::new("1")),
        sender_nonce: Some(Nonce::generate(&mut rand_bytes).unwrap()),
        content: Some(content),
        signing_time,
        certificates: vec![signer.certificate.clone()],
        ..MessageBuilder::default()
    }
}

fn sealed(recipient: &openssl::x509::X509Ref, content: &[u8]) -> Vec<u8> {
    let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
    envelope::seal(content, &[recipient], cipher, transport, &mut rand_bytes).unwrap()
}

#[tokio::test]
async fn version_of_a_certification_request_is_taken_or_refused_as_itself() {
    let signer = signer(&key());
    for (personality, path) in ALL {
        let ca = ca(personality, ChallengePolicy::Static(password("s3cret")));
        let body = VERSION_2.to_vec();
        let request = Sent { message_type: MessageType::PkcsReq, id: "1", body, signer: &signer };
        let reply = request.to(&ca, path).await;
        let status = reply.attributes().pki_status().unwrap();
        // scepserver reads it with Go, which does not look at the version.
        if personality == PersonalityName::Linux {
            assert_eq!(status, PkiStatus::Success, "{}", last_reason(&ca));
            continue;
        }
        assert_eq!(status, PkiStatus::Failure);
        assert_eq!(reply.attributes().fail_info().unwrap(), FailInfo::BadRequest);
        let words =
            "the certification request has version 2; PKCS#10 has only version 0 (RFC 2986 §4.1)";
        assert_eq!(last_reason(&ca), words);
        let text = reply.attributes().fail_info_text().unwrap();
        assert_eq!(text.as_deref(), (personality == PersonalityName::Rfc8894).then_some(words));
    }
}

#[tokio::test]
async fn addressee_of_an_envelope_is_named() {
    let (signer, stale) = (signer(&key()), signer(&key()));
    for (personality, path) in ALL {
        let ca = ca(personality, ChallengePolicy::None);
        let message = message(&signer, sealed(&stale.certificate, b"csr"), None);
        send(&ca, "POST", &format!("{path}?operation=PKIOperation"), "", &message).await;
        let serial = scep::certificate::serial_number(&stale.certificate).unwrap();
        let reason = last_reason(&ca);
        let start = format!(
            "the envelope is addressed to the certificate {serial} of the issuer `CN = signer`, not to"
        );
        assert!(reason.starts_with(&start), "{reason}");
        for one in ca.certificates() {
            let serial = scep::certificate::serial_number(&one).unwrap();
            assert!(reason.contains(&serial), "{reason}");
        }
        let seen = ca.requests().pop().unwrap().message.unwrap();
        assert_eq!(seen.cipher, Some(Cipher::Aes128));
        assert_eq!(seen.key_transport, Some(KeyTransport::Pkcs1v15));
    }
}

#[tokio::test]
async fn envelope_to_another_certificate_of_the_server_is_explained() {
    let ca = ca(PersonalityName::Ndes, ChallengePolicy::None);
    let signer = signer(&key());
    let message = message(&signer, sealed(&ca.ca_certificate(), b"csr"), None);
    send(&ca, "POST", &format!("{NDES}?operation=PKIOperation"), "", &message).await;
    let reason = last_reason(&ca);
    assert!(reason.contains("that is this server's certificate"), "{reason}");
    assert!(reason.ends_with("which does not open requests"), "{reason}");
}

#[tokio::test]
async fn missing_empty_and_misplaced_challenge_passwords_are_distinguished() {
    const MISPLACED: &str = "no challenge password in the request: challengePassword (1.2.840.113549.1.9.7) is among the \
                             extensions that it asks for, and belongs among the attributes of the PKCS#10 request in the \
                             envelope (RFC 8894 §2.4)";
    let signer = signer(&key());
    let extension = scep::request::Extension {
        extn_id: "1.2.840.113549.1.9.7".parse().unwrap(),
        critical: false,
        extn_value: der::asn1::OctetString::new(b"s3cret".as_slice()).unwrap(),
    };
    let misplaced = scep::request::CsrBuilder {
        subject: &scep::name::parse("CN=device").unwrap(),
        key: &signer.key,
        challenge_password: None,
        extensions: &[extension],
        challenge_string: scep::request::ChallengeString::default(),
        digest: Digest::Sha256,
    };
    for (body, words) in [
        (csr("CN=device", None, &signer.key), "no challenge password in the request"),
        (csr("CN=device", Some(""), &signer.key), "the challenge password in the request is empty"),
        (misplaced.encode().unwrap(), MISPLACED),
        (
            csr("CN=device, 1.2.840.113549.1.9.7=s3cret", None, &signer.key),
            &MISPLACED.replace("among the extensions that it asks for", "in its subject"),
        ),
    ] {
        let ca = ca(PersonalityName::Rfc8894, ChallengePolicy::Static(password("s3cret")));
        let request = Sent { message_type: MessageType::PkcsReq, id: "1", body, signer: &signer };
        let reply = request.to(&ca, RFC).await;
        assert_eq!(last_reason(&ca), words);
        assert_eq!(reply.attributes().fail_info_text().unwrap().as_deref(), Some(words));
    }
}

#[tokio::test]
async fn challenge_password_outside_of_the_envelope_is_found() {
    let signer = signer(&key());
    let value_der = der::Encode::to_der(&der::asn1::Utf8StringRef::new("s3cret").unwrap()).unwrap();
    let outside = ExtraAttribute { oid: "1.2.840.113549.1.9.7".to_owned(), value_der };
    for (inside, status) in [(None, PkiStatus::Failure), (Some("s3cret"), PkiStatus::Success)] {
        let ca = ca(PersonalityName::Rfc8894, ChallengePolicy::Static(password("s3cret")));
        let body = sealed(&ca.ca_certificate(), &csr("CN=device", inside, &signer.key));
        let message = MessageBuilder {
            extra_attributes: vec![outside.clone()],
            ..builder(&signer, body, None)
        };
        let sent = message.encode(&signer).unwrap();
        let reply = send(&ca, "POST", &format!("{RFC}?operation=PKIOperation"), "", &sent).await;
        let reply = Message::parse(&reply.body).unwrap();
        assert_eq!(reply.attributes().pki_status().unwrap(), status, "{}", last_reason(&ca));
        if inside.is_none() {
            let reason = last_reason(&ca);
            for part in [
                "is among the signed attributes of the message, where everybody can read it",
                "belongs among the attributes of the PKCS#10 request in the envelope (RFC 8894 §2.4)",
            ] {
                assert!(reason.contains(part), "{reason}");
            }
            let refusal = ca.requests().pop().unwrap().refusal.unwrap();
            assert_eq!(refusal.password, Some(PasswordProblem::Misplaced));
            assert_eq!(refusal.fail_info, Some(FailInfo::BadMessageCheck));
        }
    }
}

#[tokio::test]
async fn message_of_which_one_piece_is_read_is_logged_as_such() {
    let signer = signer(&key());
    for (personality, path, is_whole) in
        [(PersonalityName::Linux, LINUX, false), (PersonalityName::Rfc8894, RFC, true)]
    {
        let ca = ca(personality, ChallengePolicy::None);
        let body = sealed(&ca.ca_certificate(), &csr("CN=device", None, &signer.key));
        let streamed = scep::danger::stream(&message(&signer, body, None)).unwrap();
        send(&ca, "POST", &format!("{path}?operation=PKIOperation"), "", &streamed).await;
        let reason = last_reason(&ca);
        let told = reason.contains("in several pieces (BER)");
        assert_eq!(told, !is_whole, "{personality}: {reason}");
    }
}

#[tokio::test]
async fn clocks_that_disagree_are_shown_with_both_times() {
    let signer = signer(&key());
    let ca = ca(PersonalityName::Rfc8894, ChallengePolicy::None);
    let body = sealed(&ca.ca_certificate(), &csr("CN=device", None, &signer.key));
    for (time, words, is_zone) in [
        (Clock::system().now() - Duration::from_secs(3_600), "is 1 h", true),
        (
            Clock::system().now() - Duration::from_secs(5_430),
            "is 1 h 30 min behind the server's time",
            false,
        ),
        (
            Clock::system().now() + Duration::from_secs(86_400 * 400 + 30),
            "is 400 days ahead of the server's time",
            false,
        ),
    ] {
        let message = message(&signer, body.clone(), Some(time));
        let target = format!("{RFC}?operation=PKIOperation");
        let response = send(&ca, "POST", &target, "", &message).await;
        let reply = Message::parse(&response.body).unwrap();
        assert_eq!(reply.attributes().fail_info().unwrap(), FailInfo::BadTime);
        let reason = last_reason(&ca);
        assert!(reason.contains(words), "{reason}");
        let start = format!("the signingTime, {}, is ", scep::clock::written(time));
        assert!(reason.starts_with(&start), "{reason}");
        assert_eq!(reason.contains("time zone"), is_zone, "{reason}");
    }
}

#[tokio::test]
async fn missing_misspelt_and_unknown_operations_are_distinguished() {
    for (personality, path) in ALL {
        let ca = ca(personality, ChallengePolicy::None);
        for (query, words) in [
            ("?op=GetCACert", "the query has no `operation`"),
            ("?operation=", "the query has an empty `operation`"),
            (
                "?Operation=GetCACert",
                "the query has no `operation`, it has `Operation`: upper and lower case differ",
            ),
            (
                "?operation=getcacert",
                "the operation `getcacert` is unknown: did you mean `GetCACert`? Upper and lower case differ",
            ),
            (
                "?operation=GetCACertChain",
                "the operation `GetCACertChain` is unknown: did you mean `GetCACert`?",
            ),
            (
                "?operation=PKIOperations",
                "the operation `PKIOperations` is unknown: did you mean `PKIOperation`?",
            ),
            (
                "?operation=enrol",
                "the operation `enrol` is unknown (known: GetCACaps, GetCACert, GetNextCACert, PKIOperation)",
            ),
        ] {
            // NDES answers a GET without an operation with a page.
            if personality == PersonalityName::Ndes && words.starts_with("the query") {
                continue;
            }
            let response = get(&ca, &format!("{path}{query}")).await;
            assert_eq!(last_reason(&ca), words, "{personality}");
            let said = match personality {
                PersonalityName::Linux => "operation not implemented",
                PersonalityName::Ndes => "<!DOCTYPE html",
                _ => words,
            };
            let body = String::from_utf8(response.body).unwrap();
            assert!(body.starts_with(said), "{personality}: {body}");
        }
        // A URL that ends in `?`, to which a client adds its query.
        send(&ca, "POST", &format!("{path}??operation=PKIOperation"), "", b"").await;
        assert!(last_reason(&ca).contains("it begins with a second `?`"), "{}", last_reason(&ca));
        send(&ca, "POST", path, "", b"").await;
        assert_eq!(last_reason(&ca), "the request has no query, and so no `operation`");
    }
}

#[tokio::test]
async fn body_that_is_no_message_is_named() {
    let signer = signer(&key());
    let plist = MessageBuilder {
        content: Some(b"<?xml version=\"1.0\"?><plist><dict/></plist>".to_vec()),
        certificates: vec![signer.certificate.clone()],
        ..MessageBuilder::default()
    };
    let whole = message(&signer, b"x".to_vec(), None);
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec();
    let base64 = openssl::base64::encode_block(&whole);
    for (body, words) in [
        (Vec::new(), "an empty body came in place of the pkiMessage"),
        (
            plist.encode(&signer).unwrap(),
            "a signed message (CMS) without SCEP's attributes around an XML property list came in place of the pkiMessage",
        ),
        (
            b"<html><title>Sign in</title></html>".to_vec(),
            "a web page came in place of the pkiMessage",
        ),
        (b"message=MIIB".to_vec(), "plain text came in place of the pkiMessage"),
        (b"{\"csr\": \"x\"}".to_vec(), "JSON came in place of the pkiMessage"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\n".to_vec(), "PEM came in place of the pkiMessage"),
        (base64.into_bytes(), "base64 came in place of the pkiMessage"),
        (gzip, "compressed data came in place of the pkiMessage"),
        (
            signer.certificate.to_der().unwrap(),
            "a certificate of `CN = signer` came in place of the pkiMessage",
        ),
        (
            csr("CN=device", None, &signer.key),
            "a certification request for `CN = device` came in place of the pkiMessage",
        ),
        (whole[..40].to_vec(), "the beginning of an ASN.1 structure"),
    ] {
        let ca = ca(PersonalityName::Rfc8894, ChallengePolicy::None);
        let target = format!("{RFC}?operation=PKIOperation");
        let response = send(&ca, "POST", &target, "", &body).await;
        assert!(last_reason(&ca).starts_with(words), "{}", last_reason(&ca));
        assert_eq!(String::from_utf8(response.body).unwrap(), last_reason(&ca));
    }
}

#[tokio::test]
async fn peer_of_another_protocol_is_named_in_the_log() {
    for (bytes, words) in [
        (
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            "TLS (the beginning of a handshake) came in place of an HTTP/1 request; this port speaks plain HTTP, use http://",
        ),
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "HTTP/2 came in place of an HTTP/1 request; HTTP/2 is not supported",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "SSH: `SSH-2.0-OpenSSH_9.2` came in place of an HTTP/1 request",
        ),
    ] {
        let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
        raw(&ca, bytes).await;
        assert_eq!(ca.log().pop().unwrap().to_string(), format!("client HTTP cut off: {words}"));
    }
}
