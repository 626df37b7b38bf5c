//! Faults of a CertRep (RFC 8894 §3.3.2).

use openssl::{
    error::ErrorStack,
    pkey::Id,
    rand::rand_bytes,
    x509::{X509, X509Ref},
};
use scep::{
    Error,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certs_only,
    danger::{self, Distortion},
    envelope,
    identity::Identity,
    message::{AttributeName, ExtraAttribute, MessageBuilder, Parameters, SignatureAlgorithm},
    server::{Outcome, Reply},
};

use super::{
    Fault, Strikes,
    key_agreement::by_key_agreement,
    strangers::{STRANGER, by_another_ca, expired, for_another_key, impostor},
};
use crate::authority::Authority;

/// Applies the faults to the certificates in the envelope of a SUCCESS, of which the issued one is first.
pub(crate) fn distort_granted(
    granted: &mut Vec<X509>,
    authority: &Authority,
    strikes: &Strikes<'_>,
) -> Result<(), ErrorStack> {
    strikes.try_each(|fault| {
        let Some(issued) = granted.first_mut() else { return Ok(false) };
        match fault {
            Fault::SuccessWithoutCertificate => granted.clear(),
            Fault::WrongKeyCertificate => *issued = for_another_key(issued, authority)?,
            Fault::ForeignIssuerCertificate => *issued = by_another_ca(issued)?,
            Fault::IssuedCertificateLast => granted.insert(0, authority.ca.certificate.clone()),
            Fault::ChainInReply => granted.push(authority.ca.certificate.clone()),
            _ => return Ok(false),
        }
        Ok(true)
    })
}

/// Applies the faults to the algorithms of a reply, before anything is encrypted.
pub(crate) fn distort_algorithms(reply: &mut Reply<'_>, strikes: &Strikes<'_>) {
    let is_success = matches!(reply.outcome, Outcome::Success { .. });
    strikes.each(|fault| {
        match fault {
            Fault::Sha1Reply => reply.digest = Digest::Sha1,
            Fault::Md5Reply => reply.digest = Digest::Md5,
            Fault::DesReply if is_success => return encipher(reply, Cipher::Des, None),
            Fault::Des3Reply if is_success => return encipher(reply, Cipher::TripleDes, None),
            Fault::Aes256Reply if is_success => return encipher(reply, Cipher::Aes256, None),
            Fault::OaepReply if is_success => {
                return encipher(reply, reply.cipher, Some(KeyTransport::Oaep));
            }
            _ => return false,
        }
        true
    });
}

/// Chooses the algorithms of the envelope, unless the requester's key is too short for them: the certificate is issued already, so
/// the reply must be possible.
fn encipher(reply: &mut Reply<'_>, cipher: Cipher, transport: Option<KeyTransport>) -> bool {
    let transport = transport.unwrap_or(reply.key_transport);
    let is_possible = envelope::expect_recipient(&reply.header.signer, cipher, transport).is_ok();
    if is_possible {
        reply.cipher = cipher;
        reply.key_transport = transport;
    }
    is_possible
}

/// Applies the faults to the encoding of an envelope; `wraps_content` is the server's habit.
pub(crate) fn distort_encoding(
    mut envelope: Vec<u8>,
    wraps_content: bool,
    strikes: &Strikes<'_>,
) -> Result<Vec<u8>, Error> {
    if wraps_content || strikes.fire(Fault::WrappedContent) {
        envelope = danger::wrap_content(&envelope)?;
    }
    if strikes.fire(Fault::BerEnvelope) {
        envelope = danger::stream(&envelope)?;
    }
    Ok(envelope)
}

/// Applies the faults to the attributes, the certificates and the signature of a reply; returns the signer.
pub(crate) fn distort_message(
    message: &mut MessageBuilder,
    authority: &Authority,
    strikes: &Strikes<'_>,
) -> Result<(Identity, Vec<Distortion>), ErrorStack> {
    let own = authority.signer();
    let mut signer = own.clone();
    let carried = &mut message.certificates;
    strikes.try_each(|fault| {
        match fault {
            Fault::ForeignSigner => replace(&mut signer, STRANGER.clone(), carried),
            Fault::ImpostorSigner => replace(&mut signer, impostor(&own.certificate)?, carried),
            Fault::ExpiredSigner => replace(&mut signer, expired(authority)?, carried),
            Fault::NoCertificates if !carried.is_empty() => carried.clear(),
            Fault::CertificatesPresent if carried.is_empty() => {
                let ca = &authority.ca.certificate;
                carried.push(signer.certificate.clone());
                carried.extend((signer.certificate != *ca).then(|| ca.clone()));
            }
            Fault::UnrelatedCertificate => carried.insert(0, STRANGER.certificate.clone()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let mut distortions = Vec::new();
    strikes.each(|fault| distort_attribute(message, &mut distortions, fault));
    Ok((signer, distortions))
}

/// Replaces the signer, and the signer's certificate in the reply.
fn replace(signer: &mut Identity, other: Identity, carried: &mut Vec<X509>) {
    match carried.iter_mut().find(|one| **one == signer.certificate) {
        Some(place) => place.clone_from(&other.certificate),
        None => carried.push(other.certificate.clone()),
    }
    *signer = other;
}

fn distort_attribute(
    message: &mut MessageBuilder,
    distortions: &mut Vec<Distortion>,
    fault: Fault,
) -> bool {
    const UNKNOWN: &str = "9";
    const UNKNOWN_TYPE: &str = "99";
    let id = message.transaction_id.as_ref().map_or("", TransactionId::as_str);
    match fault {
        Fault::WrongTransactionId => {
            message.transaction_id = Some(TransactionId::new("ANOTHER-TRANSACTION"));
        }
        Fault::PrefixTransactionId => {
            let Some((last, _)) = id.char_indices().next_back() else { return false };
            message.transaction_id = Some(TransactionId::new(&id[..last]));
        }
        Fault::NoTransactionId => message.transaction_id = None,
        Fault::WrongRecipientNonce => {
            let nonce = message.recipient_nonce.as_ref().map_or(&[][..], Nonce::as_bytes);
            let other: Vec<u8> = nonce.iter().map(|byte| !byte).collect();
            message.recipient_nonce = Some(Nonce::new(other));
        }
        Fault::NoRecipientNonce => message.recipient_nonce = None,
        Fault::NoSenderNonce => message.sender_nonce = None,
        Fault::NoMessageType => message.message_type = None,
        Fault::WrongMessageType => message.message_type = Some(MessageType::PkcsReq),
        Fault::UnknownMessageType => {
            message.message_type = Some(MessageType::Other(UNKNOWN_TYPE.into()));
        }
        Fault::NoPkiStatus => message.pki_status = None,
        Fault::UnknownPkiStatus => message.pki_status = Some(PkiStatus::Other(UNKNOWN.into())),
        Fault::NoFailInfo => return message.fail_info.take().is_some(),
        Fault::UnknownFailInfo if message.fail_info.is_some() => {
            message.fail_info = Some(FailInfo::Other(UNKNOWN.into()));
        }
        Fault::CombinedSignatureAlgorithm => {
            message.signature_algorithm = SignatureAlgorithm::WithDigest;
        }
        Fault::NoParameters if message.parameters == Parameters::Null => {
            message.parameters = Parameters::Absent;
        }
        Fault::ExtraAttribute => message.extra_attributes.push(unknown_attribute()),
        other => {
            let Some(distortion) = distortion(other) else { return false };
            distortions.push(distortion);
        }
    }
    true
}

/// The effect of a fault on how the message is encoded and signed.
fn distortion(fault: Fault) -> Option<Distortion> {
    Some(match fault {
        Fault::RepeatedTransactionId => Distortion::Repeat(AttributeName::TransactionId),
        Fault::ContentTypeNotData => Distortion::ContentTypeNotData,
        Fault::NoMessageDigest => Distortion::Omit(AttributeName::MessageDigest),
        Fault::WrongMessageDigest => Distortion::WrongMessageDigest,
        Fault::NoContentTypeAttribute => Distortion::Omit(AttributeName::ContentType),
        Fault::UnsortedAttributes => Distortion::UnsortedAttributes,
        Fault::NoSignedAttributes => Distortion::NoSignedAttributes,
        Fault::NoSigner => Distortion::NoSigner,
        Fault::TwoSigners => Distortion::TwoSigners,
        Fault::CorruptSignature => Distortion::CorruptSignature,
        _ => return None,
    })
}

/// An attribute under the number that IANA reserves for examples (RFC 5612).
fn unknown_attribute() -> ExtraAttribute {
    ExtraAttribute {
        oid: "1.3.6.1.4.1.32473.1".to_owned(),
        value_der: [&[0x0c, 0x0a][..], b"unheard-of"].concat(),
    }
}

/// Applies the faults to the content of a reply.
pub(crate) fn distort_content(
    message: &mut MessageBuilder,
    reply: &Reply<'_>,
    authority: &Authority,
    strikes: &Strikes<'_>,
) -> Result<(), Error> {
    strikes.try_each(|fault| match &reply.outcome {
        Outcome::Success { certificates, crls } => {
            let granted = certs_only::encode(certificates, crls)?;
            distort_envelope(message, reply, &granted, fault)
        }
        _ => add_envelope(message, reply, authority, fault),
    })
}

fn distort_envelope(
    message: &mut MessageBuilder,
    reply: &Reply<'_>,
    granted: &[u8],
    fault: Fault,
) -> Result<bool, Error> {
    match fault {
        Fault::NoEnvelope => message.content = None,
        Fault::NotEnciphered => message.content = Some(granted.to_vec()),
        Fault::EnvelopeContentNotData => {
            let Some(content) = &mut message.content else { return Ok(false) };
            danger::retype_encrypted_content(content);
        }
        Fault::ForeignEnvelope => {
            message.content = Some(reply.seal(granted, &STRANGER.certificate, &mut rand_bytes)?);
        }
        Fault::CorruptEnvelope => {
            let Some(content) = &mut message.content else { return Ok(false) };
            danger::spoil_padding(content, reply.cipher)?;
        }
        Fault::KeyAgreementReply if has_curve(&reply.header.signer) => {
            let signer = &reply.header.signer;
            message.content = Some(envelope::seal_by_agreement(granted, signer, reply.cipher)?);
        }
        Fault::KeyAgreementReply => {
            let envelope = message.content.as_deref().unwrap_or_default();
            let Some(other) = by_key_agreement(envelope, &reply.header.signer)? else {
                return Ok(false);
            };
            message.content = Some(other);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// True for a key on an elliptic curve, to which NDES answers by key agreement, and whose holder can open such a reply.
fn has_curve(certificate: &X509Ref) -> bool {
    certificate.public_key().is_ok_and(|key| key.id() == Id::EC)
}

/// Adds an envelope to a reply that must have none, unless the requester's key cannot receive one.
fn add_envelope(
    message: &mut MessageBuilder,
    reply: &Reply<'_>,
    authority: &Authority,
    fault: Fault,
) -> Result<bool, Error> {
    let is_due = match fault {
        Fault::PayloadInFailure => message.pki_status == Some(PkiStatus::Failure),
        Fault::PayloadInPending => message.pki_status == Some(PkiStatus::Pending),
        _ => false,
    };
    if !is_due {
        return Ok(false);
    }
    let granted = certs_only::encode(std::slice::from_ref(&authority.ca.certificate), &[])?;
    let Ok(envelope) = reply.seal(&granted, &reply.header.signer, &mut rand_bytes) else {
        return Ok(false);
    };
    message.content = Some(envelope);
    Ok(true)
}
