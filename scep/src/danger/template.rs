//! Messages made again: a signed message of any peer, mistakes included, with other keys and values.

use der::{
    Decode, Encode, Sequence, Tagged,
    asn1::{Any, ObjectIdentifier, OctetString},
    oid::db::rfc5911::ID_SIGNED_DATA,
};
use openssl::{
    hash::hash,
    pkey::{PKeyRef, Private},
    sign::{Signer, Verifier},
    x509::{X509, X509Ref},
};
use x509_cert::time::Time;

use crate::{
    Error, MAX_CERTIFICATES,
    algorithm::{self, Digest},
    cms::{Attribute, CertificateIdentifier, ContentInfo, SetOf, SignedData, SignerInfo, Value},
    message::AttributeName,
};

use super::{content::INDEFINITE, reissued::moved, stream};

const WHAT: &str = "signed message";

/// The most signers of a message that is made again, because each costs a signature.
const MAX_SIGNERS: usize = 4;

/// A signed message (RFC 5652 §5.1) that is to be made again: a pkiMessage with mistakes that [`crate::message::Message`] refuses, or a certs-only
/// message.
///
/// What [`Changes`] do not name stays as it was, byte for byte: the order of the attributes, unknown ones, parameters of algorithms.
pub struct Template {
    signed_data: SignedData,
    signers: Vec<SignerInfo>,
    /// True if the message has an indefinite length.
    is_streamed: bool,
}

crate::named::debug_of!(Template { is_streamed });

/// The octets in place of some, if others take their place.
pub type Replace<'a> = &'a mut dyn FnMut(&[u8]) -> Option<Vec<u8>>;

/// The content octets of a signed attribute's value in place of those that it had, if others take their place.
pub type ReplaceAttribute<'a> = &'a mut dyn FnMut(AttributeName, &[u8]) -> Option<Vec<u8>>;

/// What is other in a message that is made again.
#[derive(Default)]
pub struct Changes<'a> {
    /// The signed content, if it is another one.
    pub content: Option<Vec<u8>>,
    /// Gives the certificate in DER that takes the place of one.
    pub certificate: Option<Replace<'a>>,
    /// Gives the values of signed attributes that take the place of others.
    pub attribute: Option<ReplaceAttribute<'a>>,
    /// The seconds from the old signature to the new one, which move the `signingTime`.
    pub later: i64,
    /// The key of the new signature, and the certificate that is named as the signer's if it is another one. Without a key, the signature
    /// stays as it was.
    pub signer: Option<(&'a PKeyRef<Private>, Option<&'a X509Ref>)>,
    /// True if the signature must be wrong, because it was.
    pub corrupts_signature: bool,
}

crate::named::debug_of!(Changes<'_> { later, corrupts_signature });

/// A signed attribute as it is encoded, values in their order.
#[derive(Sequence)]
struct Encoded {
    oid: ObjectIdentifier,
    values: SetOf,
}

impl Template {
    /// Reads a message in BER or DER.
    ///
    /// # Errors
    /// Fails if the bytes are no `SignedData`, or have more certificates or signers than are read.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let signed_data: SignedData = ContentInfo::open(bytes, ID_SIGNED_DATA, WHAT)?;
        let elements = signed_data.signer_infos.at_most(MAX_SIGNERS, "set of signers")?;
        let signers = elements.into_iter().map(SignerInfo::from_ber);
        let signers = signers.collect::<Result<_, _>>().map_err(Error::malformed("signer info"))?;
        if let Some(set) = &signed_data.certificates {
            set.at_most(MAX_CERTIFICATES, "certificate set")?;
        }
        Ok(Self { signed_data, signers, is_streamed: bytes.get(1) == Some(&INDEFINITE) })
    }

    /// The signed content, if there is one.
    pub fn content(&self) -> Option<&[u8]> {
        self.signed_data.encap_content_info.content.as_ref().map(OctetString::as_bytes)
    }

    /// The certificates that can be read, in order.
    pub fn certificates(&self) -> Vec<X509> {
        let set = self.signed_data.certificates.as_ref();
        let elements = set.and_then(|set| set.elements().ok()).unwrap_or_default();
        elements.iter().filter_map(|element| X509::from_der(element).ok()).collect()
    }

    /// True if the message has a signer.
    pub fn is_signed(&self) -> bool {
        !self.signers.is_empty()
    }

    /// The digest of the first signature, if it is known.
    pub fn digest(&self) -> Option<Digest> {
        self.signers.first().and_then(|signer| Digest::from_oid(&signer.digest_algorithm.oid))
    }

    /// The certificate of the first signer: one of the message, or one of `known`.
    pub fn signer(&self, known: &[X509]) -> Option<X509> {
        let sid = &self.signers.first()?.sid;
        self.certificates().iter().chain(known).find(|one| sid.names(one)).cloned()
    }

    /// True if the first signature is right for this signer.
    pub fn is_signed_by(&self, certificate: &X509Ref) -> bool {
        let verified = self.signers.first().and_then(|signer| {
            let key = certificate.public_key().ok()?;
            let digest = Digest::from_oid(&signer.digest_algorithm.oid)?;
            let covered = covered(signer.signed_attrs.as_ref(), self.content()).ok()?;
            let mut verifier = Verifier::new(digest.openssl(), &key).ok()?;
            verifier.verify_oneshot(signer.signature.as_bytes(), &covered).ok()
        });
        verified == Some(true)
    }

    /// The names of the signed attributes that the standards know, in order.
    pub fn attribute_names(&self) -> Vec<AttributeName> {
        let attributes = self.attributes().into_iter();
        attributes.filter_map(|one| AttributeName::of_oid(&one.oid.to_string())).collect()
    }

    /// The content octets of the first value of a signed attribute.
    pub fn attribute(&self, name: AttributeName) -> Option<Vec<u8>> {
        let attribute = self.attributes().into_iter().find(|one| one.oid == name.oid())?;
        attribute.values.ok()?.first().map(|value| value.content().to_vec())
    }

    fn attributes(&self) -> Vec<Attribute> {
        let signed = self.signers.first().and_then(|signer| signer.signed_attrs.as_ref());
        signed.and_then(|set| set.attributes().ok()).unwrap_or_default()
    }

    /// The message with these changes.
    ///
    /// # Errors
    /// Fails if a digest or signature algorithm is not supported, or OpenSSL cannot sign.
    pub fn remake(&self, changes: &mut Changes<'_>) -> Result<Vec<u8>, Error> {
        let old = &self.signed_data;
        let content = changes.content.take().or_else(|| self.content().map(<[u8]>::to_vec));
        let certificates = old.certificates.as_ref().map(|set| {
            let mut new = |old| changes.certificate.as_mut().and_then(|replace| replace(old));
            let elements = set.elements()?.into_iter();
            let all: Vec<_> =
                elements.map(|one| new(one).unwrap_or_else(|| one.to_vec())).collect();
            Ok::<_, Error>(SetOf::in_order(&all))
        });
        let mut signers = Vec::new();
        for signer in &self.signers {
            signers.push(self.sign_again(signer, content.as_deref(), changes)?.to_der()?);
        }
        let signed_data = SignedData {
            version: old.version,
            digest_algorithms: old.digest_algorithms.clone(),
            encap_content_info: crate::cms::EncapsulatedContentInfo {
                content_type: old.encap_content_info.content_type,
                content: content.map(OctetString::new).transpose()?,
            },
            certificates: certificates.transpose()?,
            crls: old.crls.clone(),
            signer_infos: SetOf::in_order(&signers),
        };
        let encoded = ContentInfo::wrap(ID_SIGNED_DATA, &signed_data)?;
        if self.is_streamed { stream(&encoded) } else { Ok(encoded) }
    }

    fn sign_again(
        &self,
        old: &SignerInfo,
        content: Option<&[u8]>,
        changes: &mut Changes<'_>,
    ) -> Result<SignerInfo, Error> {
        let digest = Digest::from_oid(&old.digest_algorithm.oid)
            .ok_or_else(|| algorithm::unsupported("digest algorithm", &old.digest_algorithm.oid))?;
        let attributes = old.signed_attrs.as_ref();
        let attributes =
            attributes.map(|set| self.change(set, digest, content, changes)).transpose()?;
        let signature = match changes.signer {
            Some((key, _)) => {
                let covered = covered(attributes.as_ref(), content)?;
                let mut signature =
                    Signer::new(digest.openssl(), key)?.sign_oneshot_to_vec(&covered)?;
                if let Some(last) = signature.last_mut().filter(|_| changes.corrupts_signature) {
                    *last ^= 1;
                }
                OctetString::new(signature)?
            }
            None => old.signature.clone(),
        };
        let sid = match changes.signer {
            Some((_, Some(certificate))) => old.sid.of_same_kind(certificate)?,
            _ => old.sid.clone(),
        };
        Ok(SignerInfo {
            version: old.version,
            sid,
            digest_algorithm: old.digest_algorithm.clone(),
            signed_attrs: attributes,
            signature_algorithm: old.signature_algorithm.clone(),
            signature,
            unsigned_attrs: old.unsigned_attrs.clone(),
        })
    }

    /// The signed attributes with their changes, in the order of DER if they had it.
    fn change(
        &self,
        set: &SetOf,
        digest: Digest,
        content: Option<&[u8]>,
        changes: &mut Changes<'_>,
    ) -> Result<SetOf, Error> {
        let old_digest = hash(digest.openssl(), self.content().unwrap_or_default())?;
        let new_digest = hash(digest.openssl(), content.unwrap_or_default())?;
        let elements: Vec<_> = set.elements()?.into_iter().map(<[u8]>::to_vec).collect();
        let is_sorted = elements.is_sorted();
        let mut encoded = Vec::new();
        for element in elements {
            let attribute = Attribute::read(&element)?;
            let name = AttributeName::of_oid(&attribute.oid.to_string());
            let (Some(name), Ok(values)) = (name, attribute.values) else {
                encoded.push(element);
                continue;
            };
            let values = values.iter().map(|value| {
                let octets = match name {
                    AttributeName::MessageDigest => {
                        (value.content() == &*old_digest).then(|| new_digest.to_vec())
                    }
                    AttributeName::SigningTime => return Ok(later(value, changes.later)),
                    name => changes.attribute.as_mut().and_then(|it| it(name, value.content())),
                };
                octets.map_or_else(|| Ok(value.der().to_vec()), |octets| retagged(value, octets))
            });
            let values = values.collect::<Result<Vec<_>, Error>>()?;
            let oid = attribute.oid;
            encoded.push(Encoded { oid, values: SetOf::in_order(&values) }.to_der()?);
        }
        Ok(if is_sorted { SetOf::sorted(encoded) } else { SetOf::in_order(&encoded) })
    }
}

/// The bytes that a signature covers: the attributes, or the content itself if there are none (RFC 5652 §5.4).
fn covered(attributes: Option<&SetOf>, content: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    match attributes {
        Some(set) => Ok(set.to_der()?),
        None => Ok(content.unwrap_or_default().to_vec()),
    }
}

/// A value of the same type with this content.
fn retagged(value: &Value, octets: Vec<u8>) -> Result<Vec<u8>, Error> {
    let tag = Any::from_der(value.der())?.tag();
    Ok(Any::new(tag, octets)?.to_der()?)
}

/// A time so many seconds later; as it was if it is none.
fn later(value: &Value, seconds: i64) -> Vec<u8> {
    let time = value.decode::<Time>().and_then(|time| moved(time, seconds).ok());
    time.and_then(|time| time.to_der().ok()).unwrap_or_else(|| value.der().to_vec())
}

impl CertificateIdentifier {
    /// The identifier of another certificate in the same form, if that has a key identifier.
    fn of_same_kind(&self, certificate: &X509Ref) -> Result<Self, Error> {
        match (self, certificate.subject_key_id()) {
            (Self::SubjectKeyIdentifier(_), Some(id)) => {
                Ok(Self::SubjectKeyIdentifier(OctetString::new(id.as_slice())?))
            }
            _ => Self::of(certificate),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use openssl::{pkey::PKey, rsa::Rsa};

    use super::*;
    use crate::{
        attribute::{MessageType, Nonce, TransactionId},
        danger::{Distortion, encode},
        identity::Identity,
        message::MessageBuilder,
        name,
        request::self_signed,
    };

    fn signer() -> Identity {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let subject = name::parse("CN=signer").unwrap();
        self_signed(&subject, &key, Digest::Sha256, SystemTime::UNIX_EPOCH).unwrap()
    }

    fn message(signer: &Identity) -> MessageBuilder {
        MessageBuilder {
            message_type: Some(MessageType::CertRep),
            transaction_id: Some(TransactionId::new("ID")),
            sender_nonce: Some(Nonce::new([7; 16])),
            signing_time: Some(SystemTime::UNIX_EPOCH),
            content: Some(vec![1, 2, 3]),
            certificates: vec![signer.certificate.clone()],
            ..MessageBuilder::default()
        }
    }

    #[test]
    fn message_without_changes_is_the_same_whatever_its_mistakes() {
        let signer = signer();
        for distortion in [
            Distortion::Omit(AttributeName::MessageDigest),
            Distortion::Repeat(AttributeName::TransactionId),
            Distortion::Retype(AttributeName::SenderNonce),
            Distortion::WrongMessageDigest,
            Distortion::NoSigner,
            Distortion::TwoSigners,
            Distortion::NoSignedAttributes,
            Distortion::ContentTypeNotData,
            Distortion::UnsortedAttributes,
        ] {
            let old = encode(&message(&signer), &signer, &[distortion]).unwrap();
            let signer = Some((&*signer.key, None));
            let mut changes = Changes { signer, ..Changes::default() };
            let new = Template::read(&old).unwrap().remake(&mut changes).unwrap();
            assert!(new == old, "{distortion:?}");
        }
    }

    #[test]
    fn changes_are_signed() {
        let (old_signer, new_signer) = (signer(), signer());
        let old = message(&old_signer).encode(&old_signer).unwrap();
        let template = Template::read(&old).unwrap();
        assert!(template.is_signed_by(&old_signer.certificate));
        let mut certificate = |_: &[u8]| new_signer.certificate.to_der().ok();
        let mut attribute = |name: AttributeName, _: &[u8]| {
            (name == AttributeName::TransactionId).then(|| b"OTHER".to_vec())
        };
        let mut changes = Changes {
            content: Some(vec![4]),
            certificate: Some(&mut certificate),
            attribute: Some(&mut attribute),
            later: 60,
            signer: Some((&new_signer.key, Some(&new_signer.certificate))),
            corrupts_signature: false,
        };
        let new = template.remake(&mut changes).unwrap();
        let new = crate::message::Message::parse(&new).unwrap();
        assert_eq!(new.verify(&[]).unwrap(), new_signer.certificate);
        assert_eq!(new.attributes().transaction_id().unwrap(), TransactionId::new("OTHER"));
        assert_eq!(new.attributes().sender_nonce().unwrap(), Nonce::new([7; 16]));
        let minute_later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60);
        assert_eq!(new.attributes().signing_time().unwrap(), Some(minute_later));
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x80, 0, 0], b"<html>", &[0x30, 0x03, 2, 1, 0]] {
            assert!(Template::read(bytes).is_err(), "{bytes:?}");
        }
    }
}
