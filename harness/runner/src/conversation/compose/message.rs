//! Puts the body into an envelope and the envelope into a pkiMessage, correctly or with a mutation.

use std::time::{Duration, SystemTime};

use openssl::rand::rand_bytes;
use openssl::x509::X509Ref;
use scep::attribute::MessageType;
use scep::clock::within_range;
use scep::message::{ExtraAttribute, MessageBuilder};
use scep::{danger, envelope};

use super::{Parts, random};
use crate::conversation::RequestError;
use model::scenario::scep::{Mutation, Operation, Request};

/// The pkcsPKIEnvelope, or a mutation of it.
pub(super) fn content(
    request: &Request,
    parts: &Parts,
    body: &[u8],
) -> Result<Option<Vec<u8>>, RequestError> {
    for wrong in &request.mutations {
        match wrong {
            Mutation::NoEnvelope => return Ok(None),
            Mutation::EmptyEnvelope => return Ok(Some(Vec::new())),
            Mutation::NoiseAsEnvelope => return Ok(Some(random(256)?)),
            Mutation::NotEnciphered => return Ok(Some(body.to_vec())),
            _ => {}
        }
    }
    let recipients: Vec<&X509Ref> = parts.recipients.iter().map(AsRef::as_ref).collect();
    let (cipher, transport) = (parts.cipher, parts.key_transport);
    let mut sealed = envelope::seal(body, &recipients, cipher, transport, &mut rand_bytes)?;
    if request.mutations.contains(&Mutation::CorruptEnvelope) {
        danger::spoil_padding(&mut sealed, cipher)?;
    }
    if request.mutations.contains(&Mutation::EnvelopeContentNotData) {
        danger::retype_encrypted_content(&mut sealed);
    }
    let streamed = request.mutations.contains(&Mutation::Streamed);
    Ok(Some(if streamed { danger::stream(&sealed)? } else { sealed }))
}

pub(super) fn encode(
    request: &Request,
    parts: &Parts,
    content: Option<Vec<u8>>,
) -> Result<Vec<u8>, RequestError> {
    let mut signer = parts.signer.clone();
    signer.key = parts.signature_key.clone();
    let has = |wrong| request.mutations.contains(&wrong);
    let own = (!has(Mutation::NoSignerCertificate)).then(|| signer.certificate.clone());
    let chain = parts.ca.iter().filter(|_| has(Mutation::ChainOfCertificates)).cloned();
    let message = MessageBuilder {
        message_type: Some(message_type(request)),
        transaction_id: Some(parts.transaction_id.clone()),
        sender_nonce: Some(parts.sender_nonce.clone()),
        signing_time: request.message.signing_time.map(|offset| from(parts.now, offset)),
        content,
        digest: parts.digest,
        rsa_padding: request.message.rsa_padding,
        certificates: own.into_iter().chain(chain).collect(),
        extra_attributes: has(Mutation::ExtraAttribute)
            .then(unknown_attribute)
            .into_iter()
            .collect(),
        ..MessageBuilder::default()
    };
    let distortions: Vec<_> = request.mutations.iter().filter_map(|it| it.distortion()).collect();
    Ok(danger::encode(&message, &signer, &distortions)?)
}

/// An attribute under the number that IANA reserves for examples (RFC 5612).
fn unknown_attribute() -> ExtraAttribute {
    let value_der = [&[0x0c, 0x0a][..], b"unheard-of"].concat();
    ExtraAttribute { oid: "1.3.6.1.4.1.32473.1".to_owned(), value_der }
}

pub(super) fn message_type(request: &Request) -> MessageType {
    if request.mutations.contains(&Mutation::UnknownMessageType) {
        return MessageType::Other("99".to_owned());
    }
    if request.mutations.contains(&Mutation::CertRepAsRequest) {
        return MessageType::CertRep;
    }
    match request.operation {
        Operation::RenewalReq => MessageType::RenewalReq,
        Operation::CertPoll => MessageType::CertPoll,
        Operation::GetCert => MessageType::GetCert,
        Operation::GetCrl => MessageType::GetCrl,
        _ => MessageType::PkcsReq,
    }
}

/// Applies the mutations of the encoded message.
pub(super) fn mutate(request: &Request, mut message: Vec<u8>) -> Result<Vec<u8>, RequestError> {
    for wrong in &request.mutations {
        match wrong {
            Mutation::Truncated => message.truncate(message.len() / 2),
            Mutation::TrailingBytes => message.extend([0; 16]),
            Mutation::Empty => message.clear(),
            Mutation::Noise => message = random(512)?,
            Mutation::DeeplyNested => message = [0x30, 0x80].repeat(10_000),
            Mutation::Streamed => message = danger::stream(&message)?,
            _ => {}
        }
    }
    Ok(message)
}

/// The time so many seconds after `now`, or before it if the number is negative.
fn from(now: SystemTime, seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs().min(100 * 365 * 86_400));
    within_range(if seconds < 0 { now - distance } else { now + distance })
}
