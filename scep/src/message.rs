//! The pkiMessage: a CMS `SignedData` with SCEP's attributes (RFC 8894 §3.2).

mod attributes;
mod build;

pub use attributes::{AttributeName, Attributes};
#[cfg(feature = "danger-malformed")]
pub(crate) use build::encode_attributes;
pub use build::{ExtraAttribute, MessageBuilder, RequestMessage, SignatureAlgorithm};

use std::sync::OnceLock;

use der::{
    Decode, Encode,
    asn1::{ObjectIdentifier, OctetString},
    oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA},
    oid::db::rfc5912::RSA_ENCRYPTION,
};
use openssl::{
    hash::hash,
    memcmp,
    sign::Verifier,
    x509::{X509, X509Ref},
};

use crate::{
    Error, MAX_CERTIFICATES, PeerMisbehaved,
    algorithm::Digest,
    cms::{ContentInfo, SetOf, SignedData, SignerInfo},
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
}

crate::named::debug_of!(Message { attributes, certificates, digest });

impl Message {
    /// Reads a pkiMessage in BER or DER.
    ///
    /// # Errors
    /// Fails if the bytes are no `SignedData` with one signer and signed attributes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let signed_data: SignedData = ContentInfo::open(bytes, ID_SIGNED_DATA, "pkiMessage")?;
        let content_type = signed_data.encap_content_info.content_type;
        if content_type != ID_DATA {
            let reason = format!("the content type of the content is `{content_type}`, not data");
            return Err(Error::malformed("pkiMessage")(reason));
        }
        let signer_info = only_signer(&signed_data.signer_infos)?;
        let signed = signer_info
            .signed_attrs
            .as_ref()
            .ok_or(PeerMisbehaved::MissingAttribute("messageType"))?;
        let oid = signer_info.digest_algorithm.oid;
        let digest = Digest::from_oid(&oid)
            .ok_or_else(|| Error::unsupported("digest algorithm", oid.to_string()))?;
        let certificate_set = signed_data.certificates.unwrap_or_default();
        certificate_set.at_most(MAX_CERTIFICATES, "certificate set")?;
        Ok(Self {
            attributes: Attributes::read(signed)?,
            signed_attributes: signed.to_der().map_err(Error::malformed("signed attributes"))?,
            content: signed_data
                .encap_content_info
                .content
                .map(OctetString::into_bytes)
                .map(Into::into),
            certificate_set,
            certificates: OnceLock::new(),
            signer_info,
            digest,
        })
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

    /// Checks the signature, and returns the signer's certificate: one of `known`, or one of the message itself.
    ///
    /// The caller must decide if that signer may be trusted.
    ///
    /// # Errors
    /// Fails if the signer is not found, or the digest or the signature does not match.
    pub fn verify(&self, known: &[&X509Ref]) -> Result<X509, Error> {
        let signer = self.signer(known)?;
        self.check_message_digest()?;
        self.check_signature_algorithm()?;
        let key = signer.public_key()?;
        let mut verifier = Verifier::new(self.digest.openssl(), &key)?;
        let signature = self.signer_info.signature.as_bytes();
        // OpenSSL puts details of a mismatch on its error queue; here they are all one error.
        if !verifier.verify_oneshot(signature, &self.signed_attributes).unwrap_or(false) {
            return Err(PeerMisbehaved::BadSignature.into());
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
            .ok_or_else(|| PeerMisbehaved::SignerNotFound.into())
    }

    /// The content must have the content type and the digest that are signed (RFC 5652 §11.1, §11.2).
    fn check_message_digest(&self) -> Result<(), Error> {
        // OpenXPKI omitted the content type for years, which does no harm.
        if self.attributes.content_type()?.is_some_and(|content_type| content_type != ID_DATA) {
            return Err(PeerMisbehaved::MalformedAttribute("contentType").into());
        }
        let content = self.content.as_deref().unwrap_or_default();
        let actual = hash(self.digest.openssl(), content)?;
        let stated = self.attributes.message_digest()?;
        if stated.len() != actual.len() || !memcmp::eq(&stated, &actual) {
            return Err(PeerMisbehaved::DigestMismatch.into());
        }
        Ok(())
    }

    /// The signature algorithm must be ECDSA, plain RSA, or RSA with the digest of the signer info.
    fn check_signature_algorithm(&self) -> Result<(), Error> {
        const ECDSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4");
        let oid = self.signer_info.signature_algorithm.oid;
        let is_ecdsa = oid.as_bytes().starts_with(ECDSA.as_bytes());
        if oid == RSA_ENCRYPTION || oid == self.digest.rsa_signature_oid() || is_ecdsa {
            return Ok(());
        }
        Err(Error::unsupported("signature algorithm", oid.to_string()))
    }
}

fn only_signer(signer_infos: &SetOf) -> Result<SignerInfo, Error> {
    let signers = signer_infos.elements().map_err(Error::malformed("signer infos"))?;
    match signers.as_slice() {
        [signer] => SignerInfo::from_ber(signer).map_err(Error::malformed("signer info")),
        signers => Err(PeerMisbehaved::WrongNumberOfSigners(signers.len()).into()),
    }
}
