//! Puts the body into an envelope and the envelope into a pkiMessage, correctly or with a mutation.

use std::time::{Duration, SystemTime};

use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::x509::X509Ref;
use scep::attribute::MessageType;
use scep::message::MessageBuilder;
use scep::{ber, envelope};

use super::{KEY_BITS, Parts, random};
use crate::conversation::RequestError;
use model::scenario::scep::{Operation, Request, Wrong};

/// The pkcsPKIEnvelope, or a mutation of it.
pub(super) fn content(
    request: &Request,
    parts: &Parts,
    body: &[u8],
) -> Result<Option<Vec<u8>>, RequestError> {
    for wrong in &request.wrong {
        match wrong {
            Wrong::NoEnvelope => return Ok(None),
            Wrong::EmptyEnvelope => return Ok(Some(Vec::new())),
            Wrong::NoiseAsEnvelope => return Ok(Some(random(256)?)),
            Wrong::NotEnciphered => return Ok(Some(body.to_vec())),
            _ => {}
        }
    }
    let recipients: Vec<&X509Ref> = parts.recipients.iter().map(AsRef::as_ref).collect();
    let (cipher, transport) = (parts.cipher, parts.key_transport);
    let mut sealed = envelope::seal(body, &recipients, cipher, transport, &mut rand_bytes)?;
    if request.wrong.contains(&Wrong::CorruptEnvelope) {
        envelope::spoil_padding(&mut sealed, cipher)?;
    }
    let streamed = request.wrong.contains(&Wrong::Streamed);
    Ok(Some(if streamed { ber::stream(&sealed)? } else { sealed }))
}

pub(super) fn encode(
    request: &Request,
    parts: &Parts,
    content: Option<Vec<u8>>,
) -> Result<Vec<u8>, RequestError> {
    let mut signer = parts.signer.clone();
    if request.wrong.contains(&Wrong::ForeignSignature) {
        signer.key = PKey::from_rsa(openssl::rsa::Rsa::generate(KEY_BITS)?)?;
    }
    let has_certificate = !request.wrong.contains(&Wrong::NoSignerCertificate);
    let message = MessageBuilder {
        message_type: Some(message_type(request)),
        transaction_id: Some(parts.transaction_id.clone()),
        sender_nonce: Some(parts.sender_nonce.clone()),
        signing_time: request.message.signing_time.map(from_now),
        content,
        digest: parts.digest,
        certificates: has_certificate.then(|| signer.certificate.clone()).into_iter().collect(),
        distortions: request.wrong.iter().filter_map(|wrong| wrong.distortion()).collect(),
        ..MessageBuilder::default()
    };
    Ok(message.encode(&signer)?)
}

pub(super) fn message_type(request: &Request) -> MessageType {
    if request.wrong.contains(&Wrong::UnknownMessageType) {
        return MessageType::Other("99".to_owned());
    }
    if request.wrong.contains(&Wrong::CertRepAsRequest) {
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
    for wrong in &request.wrong {
        match wrong {
            Wrong::Truncated => message.truncate(message.len() / 2),
            Wrong::TrailingBytes => message.extend([0; 16]),
            Wrong::Empty => message.clear(),
            Wrong::Noise => message = random(512)?,
            Wrong::DeeplyNested => message = [0x30, 0x80].repeat(10_000),
            Wrong::Streamed => message = ber::stream(&message)?,
            _ => {}
        }
    }
    Ok(message)
}

fn from_now(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs().min(100 * 365 * 86_400));
    let now = SystemTime::now();
    if seconds < 0 { now - distance } else { now + distance }
}
