//! The pkiMessage: a CMS `SignedData` with SCEP's attributes (RFC 8894 §3.2).

mod attributes;
mod build;
mod distortion;

pub use attributes::{Attributes, ExtraAttribute};
pub use build::{MessageBuilder, SignatureAlgorithm};
pub use distortion::{AttributeName, Distortion};

use std::sync::OnceLock;

use der::{
    Decode, Encode,
    asn1::{Any, ContextSpecific, ObjectIdentifier, OctetString},
};
use openssl::{
    hash::hash,
    memcmp,
    sign::Verifier,
    x509::{X509, X509Crl, X509Name, X509NameRef, X509Ref},
};

use crate::{
    Error, MAX_CERTIFICATES, PeerMisbehaved,
    algorithm::Digest,
    cms::{
        ContentInfo, ID_DATA, ID_SIGNED_DATA, IssuerAndSerialNumber, SetOf, SignedData, SignerInfo,
    },
};

/// A pkiMessage as received, its signature not yet verified.
pub struct Message {
    attributes: Attributes,
    signed_attributes: Vec<u8>,
    content: Option<Vec<u8>>,
    certificate_set: Vec<Vec<u8>>,
    certificates: OnceLock<Vec<X509>>,
    signer_info: SignerInfo,
    digest: Digest,
}

impl Message {
    /// Reads a pkiMessage in BER or DER.
    ///
    /// # Errors
    /// When the bytes are no `SignedData` with one signer and signed attributes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let signed_data: SignedData = ContentInfo::open(bytes, ID_SIGNED_DATA, "pkiMessage")?;
        let content_type = signed_data.encap_content_info.content_type;
        if content_type != ID_DATA {
            let reason = format!("the content type of the content is `{content_type}`, not data");
            return Err(Error::Malformed { what: "pkiMessage", reason });
        }
        let signer_info = only_signer(&signed_data.signer_infos)?;
        let signed = signer_info
            .signed_attrs
            .as_ref()
            .ok_or(PeerMisbehaved::MissingAttribute("messageType"))?;
        let oid = signer_info.digest_algorithm.oid;
        let digest = Digest::from_oid(&oid).ok_or_else(|| Error::Unsupported {
            what: "digest algorithm",
            value: oid.to_string(),
        })?;
        Ok(Self {
            attributes: Attributes::read(signed)?,
            signed_attributes: signed.to_der().map_err(Error::malformed("signed attributes"))?,
            content: signed_data
                .encap_content_info
                .content
                .map(OctetString::into_bytes)
                .map(Into::into),
            certificate_set: certificate_set(signed_data.certificates.as_ref())?,
            certificates: OnceLock::new(),
            signer_info,
            digest,
        })
    }

    /// The signed attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The signed content, which is the pkcsPKIEnvelope where there is one.
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The certificates that came with the message, in order; what is no X.509 certificate is left out.
    pub fn certificates(&self) -> &[X509] {
        // Read when they are asked for: a certificate takes OpenSSL 3 about half as long as a signature.
        self.certificates.get_or_init(|| readable(&self.certificate_set))
    }

    /// The digest the message is signed with.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Checks the signature, and tells whose it is: one of `known` or a certificate of the message itself.
    ///
    /// Whether that signer may be trusted is the caller's question.
    ///
    /// # Errors
    /// When the signer is not found, or the digest or the signature does not fit.
    pub fn verify(&self, known: &[&X509Ref]) -> Result<X509, Error> {
        let signer = self.signer(known)?;
        self.check_message_digest()?;
        self.check_signature_algorithm()?;
        let key = signer.public_key()?;
        let mut verifier = Verifier::new(self.digest.openssl(), &key)?;
        let signature = self.signer_info.signature.as_bytes();
        // OpenSSL puts the details of a mismatch on its error queue; to us they are all the same.
        if !verifier.verify_oneshot(signature, &self.signed_attributes).unwrap_or(false) {
            return Err(PeerMisbehaved::BadSignature.into());
        }
        Ok(signer)
    }

    /// The certificate that the message names as its signer's, the signature unchecked.
    ///
    /// # Errors
    /// When it is neither in the message nor one of `known`.
    pub fn signer(&self, known: &[&X509Ref]) -> Result<X509, Error> {
        let sid = self.signer_info.sid.to_der().map_err(Error::malformed("signer identifier"))?;
        let identifier = CertificateIdentifier::read(&sid)?;
        let is_it = |certificate: &&X509Ref| identifier.names(certificate);
        known
            .iter()
            .copied()
            .find(is_it)
            .or_else(|| self.certificates().iter().map(AsRef::as_ref).find(is_it))
            .map(ToOwned::to_owned)
            .ok_or_else(|| PeerMisbehaved::SignerNotFound.into())
    }

    /// Content type and digest of the content must be the ones that are signed (RFC 5652 §11.1, §11.2).
    fn check_message_digest(&self) -> Result<(), Error> {
        // OpenXPKI left the content type out for years, and no harm is done where it is not there.
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

    /// The algorithm is either plain RSA or names the digest that the signer info names too.
    fn check_signature_algorithm(&self) -> Result<(), Error> {
        const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        const ECDSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4");
        let oid = self.signer_info.signature_algorithm.oid;
        let is_ecdsa = oid.as_bytes().starts_with(ECDSA.as_bytes());
        if oid == RSA || oid == self.digest.rsa_signature_oid() || is_ecdsa {
            return Ok(());
        }
        Err(Error::Unsupported { what: "signature algorithm", value: oid.to_string() })
    }
}

fn only_signer(signer_infos: &SetOf) -> Result<SignerInfo, Error> {
    let signers = signer_infos.elements().map_err(Error::malformed("signer infos"))?;
    match signers.as_slice() {
        [signer] => SignerInfo::from_ber(signer).map_err(Error::malformed("signer info")),
        signers => Err(PeerMisbehaved::WrongNumberOfSigners(signers.len()).into()),
    }
}

/// The X.509 certificates of a certificate set; one odd element does not lose the others.
pub(crate) fn certificates(set: Option<&SetOf>) -> Result<Vec<X509>, Error> {
    certificate_set(set).map(|elements| readable(&elements))
}

fn certificate_set(set: Option<&SetOf>) -> Result<Vec<Vec<u8>>, Error> {
    set.map_or_else(|| Ok(Vec::new()), |set| at_most(set, MAX_CERTIFICATES, "certificate set"))
}

/// The elements of a set, of which there are not too many to look at each.
pub(crate) fn at_most(set: &SetOf, most: usize, what: &'static str) -> Result<Vec<Vec<u8>>, Error> {
    let elements = set.elements().map_err(Error::malformed(what))?;
    if elements.len() > most {
        let reason = format!("{} elements, at most {most} are read", elements.len());
        return Err(Error::Malformed { what, reason });
    }
    Ok(elements)
}

fn readable(elements: &[Vec<u8>]) -> Vec<X509> {
    elements.iter().filter_map(|element| X509::from_der(element).ok()).collect()
}

/// The revocation lists of a set of them.
pub(crate) fn crls(set: Option<&SetOf>) -> Result<Vec<X509Crl>, Error> {
    let Some(set) = set else { return Ok(Vec::new()) };
    let elements = at_most(set, MAX_CERTIFICATES, "revocation list set")?;
    Ok(elements.iter().filter_map(|element| X509Crl::from_der(element).ok()).collect())
}

/// How CMS names a certificate, be it a signer's or a recipient's (RFC 5652 §5.3, §6.2.1).
pub(crate) enum CertificateIdentifier {
    IssuerAndSerial(IssuerAndSerialNumber),
    SubjectKeyIdentifier(Vec<u8>),
}

impl CertificateIdentifier {
    pub(crate) fn read(encoded: &[u8]) -> Result<Self, Error> {
        let malformed = Error::malformed("certificate identifier");
        if encoded.first() == Some(&0x30) {
            let parsed = IssuerAndSerialNumber::from_ber(encoded).map_err(&malformed)?;
            return Ok(Self::IssuerAndSerial(parsed));
        }
        ContextSpecific::<OctetString>::decode_implicit(
            &mut der::SliceReader::new(encoded).map_err(&malformed)?,
            der::TagNumber(0),
        )
        .map_err(&malformed)?
        .map(|identifier| Self::SubjectKeyIdentifier(identifier.value.as_bytes().to_vec()))
        .ok_or_else(|| Error::Unsupported {
            what: "certificate identifier",
            value: format!("tag {:#04x}", encoded.first().copied().unwrap_or_default()),
        })
    }

    pub(crate) fn names(&self, certificate: &X509Ref) -> bool {
        match self {
            Self::IssuerAndSerial(wanted) => {
                IssuerAndSerialNumber::of(certificate).is_ok_and(|own| {
                    own.serial_number.as_bytes() == wanted.serial_number.as_bytes()
                        && (own.issuer == wanted.issuer
                            || is_same_name(&wanted.issuer, certificate.issuer_name()))
                })
            }
            Self::SubjectKeyIdentifier(wanted) => {
                certificate.subject_key_id().is_some_and(|own| own.as_slice() == wanted.as_slice())
            }
        }
    }
}

/// Names are the same in OpenSSL's eyes also where they are encoded otherwise, as in another string type.
fn is_same_name(encoded: &Any, name: &X509NameRef) -> bool {
    let parsed = encoded.to_der().ok().and_then(|der| X509Name::from_der(&der).ok());
    parsed.is_some_and(|parsed| parsed.try_cmp(name).is_ok_and(std::cmp::Ordering::is_eq))
}

/// The DER of a certificate's issuer and serial number, by which a recipient or signer is named.
pub(crate) fn issuer_and_serial(certificate: &X509Ref) -> Result<Any, Error> {
    IssuerAndSerialNumber::of(certificate)?
        .to_der()
        .and_then(|der| Any::from_der(&der))
        .map_err(Error::malformed("certificate"))
}
