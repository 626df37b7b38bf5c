//! Faults of a CertRep (RFC 8894 §3.3.2).

use openssl::{error::ErrorStack, rand::rand_bytes, x509::X509};
use scep::{
    Error,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certs_only, envelope,
    identity::Identity,
    message::{AttributeName, Distortion, ExtraAttribute, MessageBuilder, SignatureAlgorithm},
};

use super::{
    Fault, Strikes,
    key_agreement::by_key_agreement,
    strangers::{STRANGER, by_another_ca, expired, for_another_key, impostor},
};
use crate::authority::Authority;

/// The certificates in the envelope of a SUCCESS as the faults leave them, the issued one first where all is well.
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

/// What a reply is signed and enciphered with.
pub(crate) struct Draft {
    pub(crate) signer: Identity,
    /// The certificate to which something is enciphered.
    pub(crate) recipient: X509,
    /// The certificates in the clear.
    pub(crate) carried: Vec<X509>,
    pub(crate) digest: Digest,
    pub(crate) signature_algorithm: SignatureAlgorithm,
    pub(crate) cipher: Cipher,
    pub(crate) key_transport: KeyTransport,
    /// Whether something is enciphered.
    pub(crate) is_success: bool,
}

impl Draft {
    /// Leaves the draft as the faults have it.
    pub(crate) fn distort(
        &mut self,
        authority: &Authority,
        strikes: &Strikes<'_>,
    ) -> Result<(), ErrorStack> {
        strikes.try_each(|fault| {
            match fault {
                Fault::ForeignSigner => self.replace_signer(STRANGER.clone(), authority),
                Fault::ImpostorSigner => {
                    self.replace_signer(impostor(&authority.signer().certificate)?, authority);
                }
                Fault::ExpiredSigner => self.replace_signer(expired(authority)?, authority),
                Fault::Sha1Reply => self.digest = Digest::Sha1,
                Fault::Md5Reply => self.digest = Digest::Md5,
                Fault::CombinedSignatureAlgorithm => {
                    self.signature_algorithm = SignatureAlgorithm::WithDigest;
                }
                Fault::DesReply if self.is_success => self.cipher = Cipher::Des,
                Fault::Des3Reply if self.is_success => self.cipher = Cipher::TripleDes,
                Fault::Aes256Reply if self.is_success => self.cipher = Cipher::Aes256,
                Fault::OaepReply if self.is_success => self.key_transport = KeyTransport::Oaep,
                Fault::NoCertificates if !self.carried.is_empty() => self.carried.clear(),
                Fault::CertificatesPresent if self.carried.is_empty() => {
                    let (signer, ca) = (&self.signer.certificate, &authority.ca.certificate);
                    self.carried = vec![signer.clone()];
                    self.carried.extend((signer != ca).then(|| ca.clone()));
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    fn replace_signer(&mut self, signer: Identity, authority: &Authority) {
        let own = &authority.signer().certificate;
        match self.carried.iter_mut().find(|one| *one == own) {
            Some(place) => place.clone_from(&signer.certificate),
            None => self.carried.push(signer.certificate.clone()),
        }
        self.signer = signer;
    }
}

/// Leaves the attributes and the signature of a reply as the faults have them.
pub(crate) fn distort_message(message: &mut MessageBuilder<'_>, strikes: &Strikes<'_>) {
    strikes.each(|fault| distort_attribute(message, fault));
}

fn distort_attribute(message: &mut MessageBuilder<'_>, fault: Fault) -> bool {
    const UNKNOWN: &str = "9";
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
        Fault::NoPkiStatus => message.pki_status = None,
        Fault::UnknownPkiStatus => message.pki_status = Some(PkiStatus::Other(UNKNOWN.into())),
        Fault::NoFailInfo => return message.fail_info.take().is_some(),
        Fault::UnknownFailInfo if message.fail_info.is_some() => {
            message.fail_info = Some(FailInfo::Other(UNKNOWN.into()));
        }
        Fault::ExtraAttribute => message.extra_attributes.push(unheard_of()),
        other => {
            let Some(distortion) = distortion(other) else { return false };
            message.distortions.push(distortion);
        }
    }
    true
}

/// What a fault does as the message is encoded and signed.
fn distortion(fault: Fault) -> Option<Distortion> {
    Some(match fault {
        Fault::RepeatedTransactionId => Distortion::Repeat(AttributeName::TransactionId),
        Fault::NoMessageDigest => Distortion::Omit(AttributeName::MessageDigest),
        Fault::WrongMessageDigest => Distortion::WrongMessageDigest,
        Fault::NoContentTypeAttribute => Distortion::Omit(AttributeName::ContentType),
        Fault::UnsortedAttributes => Distortion::UnsortedAttributes,
        Fault::NoSignedAttributes => Distortion::NoSignedAttributes,
        Fault::NoSigner => Distortion::NoSigner,
        Fault::CorruptSignature => Distortion::CorruptSignature,
        _ => return None,
    })
}

/// An attribute under the number that IANA sets aside for examples (RFC 5612).
fn unheard_of() -> ExtraAttribute {
    ExtraAttribute {
        oid: "1.3.6.1.4.1.32473.1".to_owned(),
        value_der: [&[0x0c, 0x0a][..], b"unheard-of"].concat(),
    }
}

/// Leaves the content of a reply as the faults have it; `granted` is the certs-only message in its envelope, where there
/// is one.
pub(crate) fn distort_content(
    message: &mut MessageBuilder<'_>,
    draft: &Draft,
    granted: Option<&[u8]>,
    authority: &Authority,
    strikes: &Strikes<'_>,
) -> Result<(), Error> {
    strikes.try_each(|fault| match granted {
        Some(granted) => distort_envelope(message, draft, granted, fault),
        None => add_envelope(message, draft, authority, fault),
    })
}

fn distort_envelope(
    message: &mut MessageBuilder<'_>,
    draft: &Draft,
    granted: &[u8],
    fault: Fault,
) -> Result<bool, Error> {
    match fault {
        Fault::NoEnvelope => message.content = None,
        Fault::ForeignEnvelope => {
            message.content = Some(sealed(granted, &STRANGER.certificate, draft)?);
        }
        Fault::CorruptEnvelope => {
            let last = message.content.as_mut().and_then(|content| content.last_mut());
            return Ok(last.map(|last| *last ^= 0xff).is_some());
        }
        Fault::KeyAgreementReply => {
            let envelope = message.content.as_deref().unwrap_or_default();
            let Some(other) = by_key_agreement(envelope, &draft.recipient)? else {
                return Ok(false);
            };
            message.content = Some(other);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// An envelope where there is to be none; a signer that cannot receive one is spared.
fn add_envelope(
    message: &mut MessageBuilder<'_>,
    draft: &Draft,
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
    let Ok(envelope) = sealed(&granted, &draft.recipient, draft) else { return Ok(false) };
    message.content = Some(envelope);
    Ok(true)
}

fn sealed(content: &[u8], recipient: &X509, draft: &Draft) -> Result<Vec<u8>, Error> {
    let recipient = [recipient.as_ref()];
    envelope::seal(content, &recipient, draft.cipher, draft.key_transport, &mut rand_bytes)
}
