//! The pkiMessage: a CMS `SignedData` with SCEP's attributes (RFC 8894 §3.2).

mod attributes;
mod build;
mod reading;

pub use attributes::{AttributeName, Attributes};
pub use build::{
    ExtraAttribute, MessageBuilder, Parameters, RequestMessage, SignatureAlgorithm,
    TransactionString,
};
#[cfg(feature = "danger-malformed")]
pub(crate) use build::{Frame, encode_attributes};

pub use reading::Reading;

use std::sync::OnceLock;

use der::{
    Decode,
    asn1::OctetString,
    oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA},
};
use openssl::{
    hash::hash,
    memcmp,
    x509::{X509, X509Ref},
};

use crate::{
    Error, MAX_CERTIFICATES, PeerMisbehaved,
    addressee::{self, Addressee},
    algorithm::{self, Digest},
    cms::{ContentInfo, SetOf, SignedData, SignerInfo},
    content::{Asn1, Content, unlike},
    error::reasons,
    name, signature,
};

/// A received pkiMessage with a signature that is not yet verified.
pub struct Message {
    attributes: Attributes,
    signed_attributes: Vec<u8>,
    content: Option<Vec<u8>>,
    certificate_set: SetOf,
    certificates: OnceLock<Vec<X509>>,
    signer_info: SignerInfo,
    digest: Digest,
    reading: Reading,
}

crate::named::debug_of!(Message { attributes, certificates, digest });

impl Message {
    /// Reads a pkiMessage in BER or DER.
    ///
    /// # Errors
    /// Fails if the bytes are no `SignedData` with one signer and signed attributes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, Reading::default())
    }

    fn read(bytes: &[u8], reading: Reading) -> Result<Self, Error> {
        let opened = reading
            .normalise(bytes, WHAT)
            .and_then(|normal| ContentInfo::open_normal(&normal, ID_SIGNED_DATA, WHAT));
        let signed_data: SignedData = opened.map_err(unlike(bytes, WHAT, Asn1::is_signed, true))?;
        let content_type = signed_data.encap_content_info.content_type;
        if content_type != ID_DATA && !reading.any_content_type {
            let reason = format!("the content type of the content is `{content_type}`, not data");
            return Err(Error::malformed(WHAT)(reason));
        }
        if signed_data.encap_content_info.content.is_none()
            && let certs_only @ Asn1::CertsOnly(1..) = Asn1::of_signed(&signed_data)
        {
            return Err(Error::Foreign { what: WHAT, came: Content::Asn1(certs_only).to_string() });
        }
        let signer_info = only_signer(&signed_data.signer_infos, reading)?;
        let content = signed_data.encap_content_info.content.map(OctetString::into_bytes);
        let content: Option<Vec<u8>> = content.map(Into::into);
        let signed = signer_info.signed_attrs.as_ref();
        let signed = signed.ok_or_else(|| without_scep(content.as_deref()))?;
        let oid = signer_info.digest_algorithm.oid;
        let digest = Digest::from_oid(&oid)
            .ok_or_else(|| algorithm::unsupported("digest algorithm", &oid))?;
        let certificate_set = signed_data.certificates.unwrap_or_default();
        certificate_set.at_most(MAX_CERTIFICATES, "certificate set")?;
        Ok(Self {
            attributes: Attributes::read(signed, reading)?,
            signed_attributes: reading.covered(signed)?,
            content,
            certificate_set,
            certificates: OnceLock::new(),
            signer_info,
            digest,
            reading,
        })
    }

    /// Refuses a signed message that has none of SCEP's attributes, such as a signed property list.
    ///
    /// # Errors
    /// Fails with what the message is instead.
    pub(crate) fn expect_scep(&self) -> Result<(), Error> {
        if self.attributes.are_scep() { Ok(()) } else { Err(without_scep(self.content())) }
    }

    /// The signed attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The signed content, which is the pkcsPKIEnvelope if there is one.
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The X.509 certificates in the message, in order.
    pub fn certificates(&self) -> &[X509] {
        // Parsed on demand: a certificate takes OpenSSL 3 about half as long as a signature.
        self.certificates.get_or_init(|| {
            let elements = self.certificate_set.elements().unwrap_or_default();
            elements.iter().filter_map(|element| X509::from_der(element).ok()).collect()
        })
    }

    /// The digest of the signature.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The certificate that the message names as its signer's.
    pub fn signed_by(&self) -> Addressee {
        Addressee::of(&self.signer_info.sid)
    }

    /// The signature algorithm by its name and its object identifier.
    pub fn signature_algorithm(&self) -> String {
        algorithm::quoted(&self.signer_info.signature_algorithm.oid)
    }

    /// Checks the signature, and returns the signer's certificate: one of `known`, or one of the message itself.
    ///
    /// The caller must decide if that signer may be trusted.
    ///
    /// # Errors
    /// Fails if the signer is not found, or the digest or the signature does not match.
    pub fn verify(&self, known: &[&X509Ref]) -> Result<X509, Error> {
        let signer = self.signer(known)?;
        self.check_message_digest()?;
        let key = signer.public_key().map_err(|errors| {
            let subject = name::to_text(signer.subject_name());
            let reason = format!("the key of `{subject}` cannot be read ({})", reasons(&errors));
            Error::malformed("signer's certificate")(reason)
        })?;
        let algorithm = &self.signer_info.signature_algorithm;
        let named = signature::Named::of(&algorithm.oid, self.digest)
            .ok_or_else(|| algorithm::unsupported("signature algorithm", &algorithm.oid))?;
        let fits = named.fits(key.id());
        let signature = self.signer_info.signature.as_bytes();
        let covered = &self.signed_attributes;
        if !signature::verifies(covered, signature, algorithm, &key, self.digest)? {
            let reason = if fits {
                PeerMisbehaved::BadSignature
            } else {
                PeerMisbehaved::KeyType(self.signer_info.signature_algorithm.oid.to_string())
            };
            return Err(reason.into());
        }
        Ok(signer)
    }

    /// The certificate that the message names as its signer's; the signature is not checked.
    ///
    /// # Errors
    /// Fails if the certificate is neither in the message nor one of `known`.
    pub fn signer(&self, known: &[&X509Ref]) -> Result<X509, Error> {
        let is_it = |certificate: &&X509Ref| self.signer_info.sid.names(certificate);
        known
            .iter()
            .copied()
            .find(is_it)
            .or_else(|| self.certificates().iter().map(AsRef::as_ref).find(is_it))
            .map(ToOwned::to_owned)
            .ok_or_else(|| {
                PeerMisbehaved::SignerNotFound(addressee::words(&self.signer_info.sid)).into()
            })
    }

    /// The content must have the content type and the digest that are signed (RFC 5652 §11.1, §11.2).
    fn check_message_digest(&self) -> Result<(), Error> {
        // OpenXPKI omitted the content type for years, which does no harm.
        if !self.reading.any_content_type
            && let Some(other) = self.attributes.content_type()?.filter(|other| *other != ID_DATA)
        {
            let reason = format!("its value is the type `{other}`, not data, `{ID_DATA}`");
            let name = AttributeName::ContentType.as_str();
            return Err(PeerMisbehaved::MalformedAttribute { name, reason }.into());
        }
        let content = self.content.as_deref().unwrap_or_default();
        let actual = hash(self.digest.openssl(), content)?;
        let stated = self.attributes.message_digest()?;
        if stated.len() != actual.len() || !memcmp::eq(&stated, &actual) {
            return Err(PeerMisbehaved::DigestMismatch.into());
        }
        Ok(())
    }
}

const WHAT: &str = "pkiMessage";

fn without_scep(content: Option<&[u8]>) -> Error {
    let came = Content::Asn1(Asn1::signed_around(content)).to_string();
    Error::Foreign { what: WHAT, came }
}

fn only_signer(signer_infos: &SetOf, reading: Reading) -> Result<SignerInfo, Error> {
    let signers = signer_infos.elements()?;
    match signers.as_slice() {
        [signer, further @ ..] if further.is_empty() || reading.several_signers => {
            SignerInfo::from_ber(signer).map_err(Error::malformed("signer info"))
        }
        signers => Err(PeerMisbehaved::WrongNumberOfSigners(signers.len()).into()),
    }
}
