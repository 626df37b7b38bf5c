//! The visible effect of each fault.

use std::cmp::Ordering;

use mock_ca::Fault;
use openssl::x509::X509;
use scep::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, PkiStatus, TransactionId},
    ber,
    capabilities::Capabilities,
    certificate::{is_issued_by, is_self_issued},
    certs_only,
    clock::{Clock, asn1_time},
    envelope,
    key_usage::KeyUsage,
    message::Message,
};

use super::exchange::{Exchange, ID, NONCE};

const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SHA256_WITH_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const SHA256: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const NULL: [u8; 2] = [5, 0];
const ECDH_SHA256: [u8; 6] = [0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01];

/// True if the fault is visible in the exchange.
pub(super) fn shows(fault: Fault, seen: &Exchange) -> bool {
    if fault == Fault::CloseConnection {
        return seen.response.is_none();
    }
    match fault {
        Fault::HttpStatus(_)
        | Fault::EmptyBody
        | Fault::TruncatedBody
        | Fault::TrailingBytes
        | Fault::Delay(_)
        | Fault::HtmlPage
        | Fault::WrongContentType
        | Fault::NoContentType => in_http(fault, seen),
        Fault::CapsCrlf
        | Fault::CapsUnknownWords
        | Fault::CapsBlankLines
        | Fault::CapsNone
        | Fault::CapsLowerCase
        | Fault::CapsWeak => in_capabilities(fault, seen),
        Fault::CaContentTypeSwapped
        | Fault::CaExpired
        | Fault::CaImpostor
        | Fault::CaMissing
        | Fault::CaSubordinate
        | Fault::CaWithoutKeyUsage
        | Fault::CaCertificatesReversed
        | Fault::CaCertificatesBer
        | Fault::RaExpired
        | Fault::RaUsagesSwapped
        | Fault::RaForeign => in_certificates(fault, seen),
        Fault::BerReply => body(seen)[1] == 0x80,
        Fault::NoSigner | Fault::TwoSigners => {
            let error = Message::parse(body(seen)).err();
            let count = if fault == Fault::NoSigner { 0 } else { 2 };
            let wrong = PeerMisbehaved::WrongNumberOfSigners(count);
            matches!(error, Some(Error::PeerMisbehaved(found)) if found == wrong)
        }
        Fault::ContentTypeNotData => {
            let error = Message::parse(body(seen)).err();
            error.is_some_and(|error| error.to_string().contains("not data"))
        }
        Fault::NoSignedAttributes => Message::parse(body(seen)).is_err(),
        _ => {
            let message = Message::parse(body(seen)).unwrap();
            in_attributes(fault, seen, &message)
                || in_signature(fault, seen, &message)
                || in_envelope(fault, seen, &message)
        }
    }
}

fn body(seen: &Exchange) -> &[u8] {
    &seen.response.as_ref().unwrap().body
}

fn in_http(fault: Fault, seen: &Exchange) -> bool {
    let response = seen.response.as_ref().unwrap();
    let whole = b"AES\nDES3\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-1\nSHA-256\nSHA-512";
    let content_type = response.header("Content-Type");
    match fault {
        Fault::HttpStatus(status) => response.status == status,
        Fault::EmptyBody => response.body.is_empty(),
        Fault::TruncatedBody => response.body == whole[..whole.len() / 2],
        Fault::TrailingBytes => response.body == [&whole[..], &[0; 16]].concat(),
        Fault::Delay(delay) => seen.waited >= delay && response.body == whole,
        Fault::HtmlPage => response.status == 200 && content_type == Some("text/html"),
        Fault::WrongContentType => content_type == Some("application/octet-stream"),
        Fault::NoContentType => content_type.is_none(),
        _ => false,
    }
}

fn in_capabilities(fault: Fault, seen: &Exchange) -> bool {
    let text = std::str::from_utf8(body(seen)).unwrap();
    let read = Capabilities::parse(text.as_bytes());
    match fault {
        Fault::CapsCrlf => text.matches("\r\n").count() == 8 && read.known().len() == 9,
        Fault::CapsUnknownWords => read.unknown().len() == 3 && read.known().len() == 9,
        Fault::CapsBlankLines => {
            let blank = text.lines().filter(|line| line.is_empty()).count();
            text.starts_with('\n') && blank == 10 && read.known().len() == 9
        }
        Fault::CapsNone => text.is_empty(),
        Fault::CapsLowerCase => !text.contains(char::is_uppercase) && read.known().len() == 9,
        Fault::CapsWeak => text == "DES3\nSHA-1",
        _ => false,
    }
}

fn certificates(seen: &Exchange) -> Vec<X509> {
    match X509::from_der(body(seen)) {
        Ok(single) => vec![single],
        Err(_) => certs_only::decode(body(seen)).unwrap().certificates,
    }
}

fn is_expired(certificate: &X509) -> bool {
    certificate.not_after() < asn1_time(Clock::system().now()).unwrap().as_ref()
}

fn in_certificates(fault: Fault, seen: &Exchange) -> bool {
    let content_type = seen.response.as_ref().unwrap().header("Content-Type");
    let certificates = certificates(seen);
    let (first, last) = (certificates.first().unwrap(), certificates.last().unwrap());
    let ca = &seen.ca.ca_certificate();
    let allows = |usage| KeyUsage::of(first).is_some_and(|own| own.contains(usage));
    let same_serials = seen
        .ca
        .certificates()
        .iter()
        .zip(&certificates)
        .all(|(own, given)| own.serial_number() == given.serial_number());
    match fault {
        Fault::CaContentTypeSwapped => content_type == Some("application/x-x509-ca-ra-cert"),
        Fault::CaExpired => is_expired(last) && same_serials && is_issued_by(last, ca),
        Fault::CaImpostor => {
            let has_name_of_ca = last.subject_name().try_cmp(ca.subject_name());
            let own_key = last.public_key().unwrap();
            has_name_of_ca.is_ok_and(Ordering::is_eq)
                && same_serials
                && is_issued_by(last, last)
                && !own_key.public_eq(&ca.public_key().unwrap())
        }
        Fault::CaMissing => same_serials && certificates.len() == 2,
        Fault::CaSubordinate => {
            let is_own_key = last.public_key().unwrap().public_eq(&ca.public_key().unwrap());
            same_serials && is_own_key && !is_self_issued(last)
        }
        Fault::CaWithoutKeyUsage => KeyUsage::of(last).is_none() && same_serials,
        Fault::CaCertificatesBer => body(seen)[1] == 0x80 && same_serials && last == ca,
        Fault::CaCertificatesReversed => first == ca && certificates.len() == 3,
        Fault::RaExpired => is_expired(first) && is_issued_by(first, ca) && !is_expired(last),
        Fault::RaUsagesSwapped => {
            allows(KeyUsage::KEY_ENCIPHERMENT)
                && !allows(KeyUsage::DIGITAL_SIGNATURE)
                && is_issued_by(first, ca)
        }
        Fault::RaForeign => same_serials && !is_issued_by(first, ca) && last == ca,
        _ => false,
    }
}

fn in_attributes(fault: Fault, seen: &Exchange, message: &Message) -> bool {
    let attributes = message.attributes();
    let id = attributes.transaction_id();
    let prefix = TransactionId::new(&ID[..ID.len() - 1]);
    let status = attributes.pki_status().ok();
    match fault {
        Fault::WrongTransactionId => {
            id.is_ok_and(|it| it != TransactionId::new(ID) && it != prefix)
        }
        Fault::PrefixTransactionId => id.is_ok_and(|it| it == prefix),
        Fault::NoTransactionId => is_missing(&id, "transactionID"),
        Fault::RepeatedTransactionId => {
            let repeated = PeerMisbehaved::RepeatedAttribute("transactionID");
            matches!(id, Err(Error::PeerMisbehaved(found)) if found == repeated)
        }
        Fault::WrongRecipientNonce => {
            let nonce = attributes.recipient_nonce();
            nonce.is_ok_and(|it| it.as_bytes() != NONCE && it.as_bytes().len() == NONCE.len())
        }
        Fault::NoRecipientNonce => is_missing(&attributes.recipient_nonce(), "recipientNonce"),
        Fault::NoSenderNonce => is_missing(&attributes.sender_nonce(), "senderNonce"),
        Fault::NoMessageType => is_missing(&attributes.message_type(), "messageType"),
        Fault::WrongMessageType => attributes.message_type().ok() == Some(MessageType::PkcsReq),
        Fault::UnknownMessageType => {
            attributes.message_type().is_ok_and(|it| it == MessageType::Other("99".into()))
        }
        Fault::NoPkiStatus => is_missing(&attributes.pki_status(), "pkiStatus"),
        Fault::UnknownPkiStatus => status == Some(PkiStatus::Other("9".into())),
        Fault::NoFailInfo => {
            status == Some(PkiStatus::Failure) && is_missing(&attributes.fail_info(), "failInfo")
        }
        Fault::UnknownFailInfo => {
            attributes.fail_info().is_ok_and(|it| it == FailInfo::Other("9".into()))
        }
        Fault::NoMessageDigest => attributes.raw(MESSAGE_DIGEST).is_empty(),
        Fault::NoContentTypeAttribute => attributes.raw(CONTENT_TYPE).is_empty(),
        Fault::ExtraAttribute => attributes.raw("1.3.6.1.4.1.32473.1").len() == 1,
        Fault::UnsortedAttributes => !is_sorted(body(seen)),
        _ => false,
    }
}

fn is_missing<T>(read: &Result<T, Error>, name: &'static str) -> bool {
    let missing = PeerMisbehaved::MissingAttribute(name);
    matches!(read, Err(Error::PeerMisbehaved(found)) if *found == missing)
}

/// True if the short signed attributes are in the order of DER. Each is `30 length 06 …`, followed by an object identifier of
/// SCEP or PKCS#9.
fn is_sorted(message: &[u8]) -> bool {
    const PKCS9: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09];
    const SCEP: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x45, 0x01, 0x09];
    let starts = (4..message.len()).filter(|at| {
        let rest = &message[*at..];
        rest.starts_with(&PKCS9) || rest.starts_with(&SCEP)
    });
    let attributes: Vec<&[u8]> =
        starts.map(|at| &message[at - 4..at - 2 + usize::from(message[at - 3])]).collect();
    assert!(attributes.len() > 6);
    attributes.is_sorted()
}

fn in_signature(fault: Fault, seen: &Exchange, message: &Message) -> bool {
    let ca = &seen.ca.ca_certificate();
    let known = message.verify(&[ca]);
    let included = message.verify(&[]);
    let carried = message.certificates();
    match fault {
        Fault::WrongMessageDigest => is(&known, &PeerMisbehaved::DigestMismatch),
        Fault::CorruptSignature => is(&known, &PeerMisbehaved::BadSignature),
        Fault::NextCaMisplaced => {
            message.content().is_none() && carried.len() == 2 && known.is_ok()
        }
        Fault::NextCaForeignSigner | Fault::ForeignSigner => {
            known.is_ok_and(|signer| !is_issued_by(&signer, ca)) && included.is_ok()
        }
        Fault::ImpostorSigner => {
            let is_like = |one: &&X509| one.serial_number() == ca.serial_number();
            is(&known, &PeerMisbehaved::BadSignature)
                && included.is_ok()
                && carried.iter().filter(is_like).all(|one| one != ca)
        }
        Fault::ExpiredSigner => {
            known.is_ok_and(|signer| is_expired(&signer) && is_issued_by(&signer, ca))
        }
        Fault::NoCertificates => carried.is_empty() && known.is_ok(),
        Fault::CertificatesPresent => carried.len() == 2 && included.is_ok(),
        Fault::UnrelatedCertificate => {
            let is_strange =
                |one: &&X509| one.subject_name().try_cmp(ca.subject_name()).unwrap().is_ne();
            carried.iter().filter(is_strange).count() == 1 && known.is_ok()
        }
        Fault::CombinedSignatureAlgorithm => contains(body(seen), &SHA256_WITH_RSA),
        Fault::Sha1Reply => message.digest() == Digest::Sha1 && known.is_ok(),
        Fault::Md5Reply => message.digest() == Digest::Md5 && known.is_ok(),
        _ => false,
    }
}

fn is<T>(result: &Result<T, Error>, expected: &PeerMisbehaved) -> bool {
    matches!(result, Err(Error::PeerMisbehaved(found)) if found == expected)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn in_envelope(fault: Fault, seen: &Exchange, message: &Message) -> bool {
    let content = message.content().unwrap_or_default();
    let opened = envelope::open(content, &seen.own);
    let not_for_us =
        matches!(&opened, Err(Error::PeerMisbehaved(PeerMisbehaved::NotARecipient { .. })));
    let status = message.attributes().pki_status().ok();
    let encrypted_with = |cipher| opened.as_ref().is_ok_and(|opened| opened.cipher == cipher);
    match fault {
        Fault::BerEnvelope => content.get(1) == Some(&0x80) && opened.is_ok(),
        Fault::WrappedContent => {
            opened.is_ok()
                && ber::normalise(content).unwrap() == content
                && !envelope::is_der(content)
        }
        Fault::NoParameters => {
            let signature =
                body(seen).windows(RSA.len()).rposition(|window| window == RSA).unwrap();
            opened.is_ok()
                && message.verify(&[&seen.ca.ca_certificate()]).is_ok()
                && !body(seen)[signature + RSA.len()..].starts_with(&NULL)
                && !contains(body(seen), &[&SHA256[..], &NULL].concat())
                && !contains(content, &[&RSA[..], &NULL].concat())
        }
        Fault::DesReply => encrypted_with(Cipher::Des),
        Fault::Des3Reply => encrypted_with(Cipher::TripleDes),
        Fault::Aes256Reply => encrypted_with(Cipher::Aes256),
        Fault::OaepReply => {
            opened.is_ok_and(|it| it.key_management.transport() == Some(KeyTransport::Oaep))
        }
        Fault::KeyAgreementReply => not_for_us && contains(content, &ECDH_SHA256),
        Fault::CorruptEnvelope => !content.is_empty() && !not_for_us && opened.is_err(),
        Fault::ForeignEnvelope => not_for_us && !contains(content, &ECDH_SHA256),
        Fault::EnvelopeContentNotData => opened.is_ok_and(|it| !it.is_data),
        Fault::NotEnciphered => {
            status == Some(PkiStatus::Success)
                && certs_only::decode(content).is_ok_and(|it| !it.certificates.is_empty())
        }
        Fault::NoEnvelope => status == Some(PkiStatus::Success) && message.content().is_none(),
        Fault::PayloadInFailure => status == Some(PkiStatus::Failure) && opened.is_ok(),
        Fault::PayloadInPending => status == Some(PkiStatus::Pending) && opened.is_ok(),
        Fault::Pending(_) => {
            status == Some(PkiStatus::Pending) && seen.ca.issued().unwrap().len() == 1
        }
        _ => opened.is_ok_and(|opened| {
            let granted = certs_only::decode(&opened.content).unwrap().certificates;
            status == Some(PkiStatus::Success) && in_granted(fault, seen, &granted)
        }),
    }
}

fn in_granted(fault: Fault, seen: &Exchange, granted: &[X509]) -> bool {
    let (ca, issued) = (&seen.ca.ca_certificate(), seen.ca.issued().unwrap());
    let has_our_key = |one: &X509| one.public_key().unwrap().public_eq(&seen.own.key);
    let Some(issued) = issued.first().map(|issued| &issued.certificate) else { return false };
    match (fault, granted) {
        (Fault::SuccessWithoutCertificate, []) => true,
        (Fault::WrongKeyCertificate, [one]) => is_issued_by(one, ca) && !has_our_key(one),
        (Fault::ForeignIssuerCertificate, [one]) => !is_issued_by(one, ca) && has_our_key(one),
        (Fault::IssuedCertificateLast, [first, last]) => first == ca && last == issued,
        (Fault::ChainInReply, [first, last]) => first == issued && last == ca,
        _ => false,
    }
}
