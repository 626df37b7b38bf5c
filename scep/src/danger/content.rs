//! Envelopes as other encoders write them.

use der::{
    Decode, Encode, Tag, TagNumber, Tagged,
    asn1::{Any, OctetStringRef},
    oid::db::rfc5911::ID_ENVELOPED_DATA,
};

use crate::{
    Error,
    cms::{ContentInfo, EnvelopedData, KeyTransRecipientInfo, SetOf},
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

fn changed(
    envelope: &[u8],
    change: impl FnOnce(&mut EnvelopedData) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut enveloped: EnvelopedData = ContentInfo::open(envelope, ID_ENVELOPED_DATA, WHAT)?;
    change(&mut enveloped)?;
    ContentInfo::wrap(ID_ENVELOPED_DATA, &enveloped)
}
