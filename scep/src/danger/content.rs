//! Envelopes as other encoders write them.

use der::{
    Decode, Encode, Tag, TagNumber, Tagged,
    asn1::{Any, OctetStringRef},
    oid::db::rfc5911::ID_ENVELOPED_DATA,
};
use openssl::x509::X509Ref;

use crate::{
    Entropy, Error,
    cms::{ContentInfo, EnvelopedData, KeyTransRecipientInfo, SetOf},
    envelope::{self, Outside},
};

const WHAT: &str = "pkcsPKIEnvelope";

/// An envelope with the encrypted content as one `OCTET STRING` in a constructed `[0]` of definite length, as Go's encoders
/// (scepserver, step-ca) write it. It is BER: DER has a primitive `[0]`.
///
/// # Errors
/// Fails if the bytes are no envelope.
pub fn wrap_content(envelope: &[u8]) -> Result<Vec<u8>, Error> {
    changed(envelope, |enveloped| {
        let content = &mut enveloped.encrypted_content_info.encrypted_content;
        let Some(primitive) = content.as_ref().filter(|content| !content.tag().is_constructed())
        else {
            return Ok(());
        };
        let piece = OctetStringRef::new(primitive.value())?.to_der()?;
        let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
        *content = Some(Any::new(tag, piece)?);
        Ok(())
    })
}

/// An envelope in which the algorithm of the key's encryption has no parameters, as Go's encoders write it.
///
/// # Errors
/// Fails if the bytes are no envelope.
pub fn without_parameters(envelope: &[u8]) -> Result<Vec<u8>, Error> {
    changed(envelope, |enveloped| {
        let mut infos = Vec::new();
        for element in enveloped.recipient_infos.elements()? {
            // A recipient of another kind stays as it is.
            infos.push(match KeyTransRecipientInfo::from_ber(element) {
                Ok(mut info) => {
                    info.algorithm.parameters = None;
                    info.to_der()?
                }
                Err(_) => element.to_vec(),
            });
        }
        enveloped.recipient_infos = SetOf::in_order(&infos);
        Ok(())
    })
}

/// An envelope for this content and these recipients in the form of another one: its algorithms with their parameters, the type of its
/// content, its version, and its encoding.
///
/// # Errors
/// Fails if `like` is no envelope, an algorithm is not supported, or a recipient cannot receive it.
pub fn sealed_like(
    like: &[u8],
    content: &[u8],
    recipients: &[&X509Ref],
    entropy: Entropy<'_>,
) -> Result<Vec<u8>, Error> {
    let unsupported = |value: String| Error::Unsupported { what: "encryption algorithm", value };
    let outside = Outside::of(like)?;
    let cipher = outside.cipher.ok_or_else(|| unsupported(outside.content_algorithm.clone()))?;
    let named = outside.key_algorithms.first().cloned().unwrap_or_else(|| "none".to_owned());
    let transport = outside.key_transport.ok_or_else(|| unsupported(named))?;
    let old: EnvelopedData = ContentInfo::open(like, ID_ENVELOPED_DATA, WHAT)?;
    let mut infos = old.recipient_infos.elements()?.into_iter();
    let first = infos.find_map(|one| KeyTransRecipientInfo::from_ber(one).ok());
    let sealed = envelope::seal(content, recipients, cipher, transport, entropy)?;
    let mut sealed = changed(&sealed, |new| {
        new.version = old.version;
        new.encrypted_content_info.content_type = old.encrypted_content_info.content_type;
        Ok(())
    })?;
    if first.is_some_and(|info| info.algorithm.parameters.is_none()) {
        sealed = without_parameters(&sealed)?;
    }
    let old_content = old.encrypted_content_info.encrypted_content;
    if old_content.is_some_and(|content| content.tag().is_constructed()) {
        sealed = wrap_content(&sealed)?;
    }
    let is_streamed = like.get(1) == Some(&INDEFINITE);
    if is_streamed { super::stream(&sealed) } else { Ok(sealed) }
}

/// The length octet of a value whose end is marked (X.690 §8.1.3.6).
pub(super) const INDEFINITE: u8 = 0x80;

fn changed(
    envelope: &[u8],
    change: impl FnOnce(&mut EnvelopedData) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut enveloped: EnvelopedData = ContentInfo::open(envelope, ID_ENVELOPED_DATA, WHAT)?;
    change(&mut enveloped)?;
    ContentInfo::wrap(ID_ENVELOPED_DATA, &enveloped)
}
