//! Messages that are wrong, or unusual, on purpose, for tests of what a peer refuses; only with the feature
//! `danger-malformed`.
//!
//! A CA or a client in production needs none of this: [`Reply::message`](crate::server::Reply::message) and
//! [`RequestMessage`](crate::message::RequestMessage) build its messages.

mod content;
mod reissued;
mod stream;
mod template;

pub use content::{sealed_like, without_parameters, wrap_content};
pub use reissued::Reissued;
pub use stream::stream;
pub use template::{Changes, Replace, ReplaceAttribute, Template};

use der::{
    Tag, Tagged,
    asn1::{Any, Ia5StringRef, ObjectIdentifier},
    oid::db::rfc5911::{ID_DATA, ID_ENVELOPED_DATA},
};
use openssl::hash::hash;

use crate::{
    Error,
    algorithm::Cipher,
    cms::SetOf,
    identity::Identity,
    message::{AttributeName, Frame, MessageBuilder, encode_attributes},
};

/// A way in which a message is wrong, or unusual, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Distortion {
    /// The attribute is left out.
    Omit(AttributeName),
    /// The message has the attribute twice.
    Repeat(AttributeName),
    /// The attribute's value has another ASN.1 type: a string becomes octets, anything else a string.
    Retype(AttributeName),
    /// The `messageDigest` is the digest of other content (RFC 5652 §11.2).
    WrongMessageDigest,
    /// One byte of the signature is wrong.
    CorruptSignature,
    /// There is no signer.
    NoSigner,
    /// The message has the signer twice.
    TwoSigners,
    /// The signer has no signed attributes, and signs the content itself (RFC 5652 §5.4).
    NoSignedAttributes,
    /// The content has another type than data (RFC 8894 §3.2).
    ContentTypeNotData,
    /// The signed attributes are encoded, and signed, in another order than DER's.
    UnsortedAttributes,
}

/// Encodes a message as [`MessageBuilder::encode`] does, with these distortions.
///
/// # Errors
/// Fails if a value cannot be encoded, or OpenSSL cannot sign.
///
/// # Examples
/// ```
/// # use std::time::SystemTime;
/// # use openssl::{pkey::PKey, rsa::Rsa};
/// # use scep::{algorithm::Digest, name, request::self_signed};
/// use scep::{
///     danger::{self, Distortion},
///     message::{Message, MessageBuilder},
/// };
///
/// # let key = PKey::from_rsa(Rsa::generate(2048)?)?;
/// # let signer = self_signed(&*name::parse("CN=a")?, &key, Digest::Sha256, SystemTime::now())?;
/// let certificates = vec![signer.certificate.clone()];
/// let message = MessageBuilder { certificates, ..MessageBuilder::default() };
/// let encoded = danger::encode(&message, &signer, &[Distortion::CorruptSignature])?;
/// assert!(Message::parse(&encoded)?.verify(&[]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(
    message: &MessageBuilder,
    signer: &Identity,
    distortions: &[Distortion],
) -> Result<Vec<u8>, Error> {
    let has = |distortion| distortions.contains(&distortion);
    let has_attributes = !has(Distortion::NoSignedAttributes);
    let attributes = has_attributes.then(|| attributes(message, distortions)).transpose()?;
    let frame = Frame {
        content_type: if has(Distortion::ContentTypeNotData) { ID_ENVELOPED_DATA } else { ID_DATA },
        signers: match (has(Distortion::NoSigner), has(Distortion::TwoSigners)) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        },
        corrupts_signature: has(Distortion::CorruptSignature),
    };
    message.sign_and_wrap(attributes, signer, &frame)
}

fn attributes(message: &MessageBuilder, distortions: &[Distortion]) -> Result<SetOf, Error> {
    let mut all = message.attributes()?;
    for distortion in distortions {
        distort(&mut all, *distortion, message)?;
    }
    let mut encoded = encode_attributes(all)?;
    if distortions.contains(&Distortion::UnsortedAttributes) {
        encoded.sort();
        encoded.reverse();
        return Ok(SetOf::in_order(&encoded));
    }
    Ok(SetOf::sorted(encoded))
}

fn distort(
    attributes: &mut Vec<(ObjectIdentifier, Any)>,
    distortion: Distortion,
    message: &MessageBuilder,
) -> Result<(), Error> {
    match distortion {
        Distortion::Omit(name) => attributes.retain(|(oid, _)| *oid != name.oid()),
        Distortion::Repeat(name) => {
            let again = attributes.iter().filter(|(oid, _)| *oid == name.oid()).cloned();
            attributes.extend(again.collect::<Vec<_>>());
        }
        Distortion::Retype(name) => replace(attributes, name, retyped)?,
        Distortion::WrongMessageDigest => {
            let other = [message.content.as_deref().unwrap_or_default(), &[0]].concat();
            let digest = hash(message.digest.openssl(), &other)?;
            let value = |_: &Any| Any::new(Tag::OctetString, &*digest);
            replace(attributes, AttributeName::MessageDigest, value)?;
        }
        // These change the order of the attributes, or the message around them.
        Distortion::UnsortedAttributes
        | Distortion::NoSignedAttributes
        | Distortion::CorruptSignature
        | Distortion::NoSigner
        | Distortion::TwoSigners
        | Distortion::ContentTypeNotData => {}
    }
    Ok(())
}

fn replace(
    attributes: &mut [(ObjectIdentifier, Any)],
    name: AttributeName,
    value: impl Fn(&Any) -> der::Result<Any>,
) -> der::Result<()> {
    for (_, old) in attributes.iter_mut().filter(|(oid, _)| *oid == name.oid()) {
        *old = value(old)?;
    }
    Ok(())
}

/// The same octets as another type; octets that are no text become their hexadecimal digits.
fn retyped(value: &Any) -> der::Result<Any> {
    match value.tag() {
        Tag::PrintableString | Tag::Utf8String => Any::new(Tag::OctetString, value.value()),
        _ => Any::encode_from(&Ia5StringRef::new(&hex::encode_upper(value.value()))?),
    }
}

/// Changes an envelope so that the padding at the end of its content is certainly wrong.
///
/// It changes a byte of the last block but one: in CBC mode that flips the same bits of the last block. A change of the last
/// block itself leaves a random padding, which may be right.
///
/// # Errors
/// Fails if this OpenSSL lacks the cipher.
pub fn spoil_padding(envelope: &mut [u8], cipher: Cipher) -> Result<(), Error> {
    let block_bytes = cipher.openssl()?.block_size();
    if let Some(byte) = envelope.iter_mut().nth_back(block_bytes) {
        *byte ^= 0xff;
    }
    Ok(())
}

/// Changes the type of an envelope's encrypted content from data to signedData (RFC 8894 §3.2.2). The content stays as it is.
pub fn retype_encrypted_content(envelope: &mut [u8]) {
    const DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    const SIGNED_DATA_ARC: u8 = 2;
    let found = envelope.windows(DATA.len()).position(|window| window == DATA);
    if let Some(last) = found.and_then(|start| envelope.get_mut(start + DATA.len() - 1)) {
        *last = SIGNED_DATA_ARC;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa};

    use super::*;
    use crate::{
        algorithm::{Digest, KeyTransport},
        envelope::{open, seal},
        name,
        request::self_signed,
    };

    #[test]
    fn spoilt_padding_is_wrong_whatever_key_and_length() {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let subject = name::parse("CN=holder").unwrap();
        let holder = self_signed(&subject, &key, Digest::Sha256, SystemTime::UNIX_EPOCH).unwrap();
        for cipher in [Cipher::TripleDes, Cipher::Aes128, Cipher::Aes192, Cipher::Aes256] {
            for length in 40..140 {
                let (content, recipient) = (vec![7; length], [&*holder.certificate]);
                let transport = KeyTransport::Pkcs1v15;
                let mut sealed =
                    seal(&content, &recipient, cipher, transport, &mut rand_bytes).unwrap();
                assert_eq!(open(&sealed, &holder).unwrap().content, content);
                spoil_padding(&mut sealed, cipher).unwrap();
                assert!(open(&sealed, &holder).is_err(), "{cipher}, {length} bytes");
            }
        }
    }
}
