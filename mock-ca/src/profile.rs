//! What an issued certificate looks like, as data: an ordered list of extensions, a validity, a key identifier.

mod certificate;
pub(crate) mod der;
mod directory;
mod extension;
mod revocation;
mod validity;

use ::der::{
    Decode,
    asn1::{Any, Uint},
};
use openssl::{
    bn::{BigNum, BigNumRef},
    error::ErrorStack,
    hash::{MessageDigest, hash},
    pkey::{PKeyRef, Private},
    x509::{X509, X509Ref},
};
use scep::request::RequestedExtension;
use time::OffsetDateTime;
use x509_cert::{certificate::Version, spki::SubjectPublicKeyInfoOwned};

pub(crate) use certificate::{altered, key_of_certificate, key_of_request, public_key_info};
pub(crate) use directory::Directory;
pub(crate) use extension::{
    AuthorityKeyIdentifier, Capability, Extension, RequestedExtensions, Template,
};
pub(crate) use revocation::revocation_list;
pub(crate) use validity::{Validity, ValidityPeriod, calendar, unix_time};

use certificate::{TbsCertificate, signature_algorithm};

/// The shape of a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateProfile {
    /// The extensions, in the order in which they are written.
    pub(crate) extensions: &'static [Extension],
    /// What becomes of the extensions an applicant asks for.
    pub(crate) requested: RequestedExtensions,
    /// How the subject's key identifier is computed.
    pub(crate) key_identifier: KeyIdentifier,
    /// From when to when.
    pub(crate) validity: Validity,
}

/// How a key identifier is computed from a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyIdentifier {
    /// SHA-1 of the public key's bits (RFC 5280 §4.2.1.2).
    Sha1,
    /// The first 160 bits of SHA-256 of the public key's bits (RFC 7093 §2).
    Sha256,
}

/// Who gets a certificate, and what was asked for.
pub(crate) struct Applicant<'a> {
    /// The subject, in DER.
    pub(crate) subject: &'a [u8],
    pub(crate) public_key: &'a SubjectPublicKeyInfoOwned,
    /// The extensions that were asked for.
    pub(crate) wishes: &'a [RequestedExtension],
    pub(crate) serial: BigNum,
}

/// Who issues a certificate: a CA, or for a CA's own certificate the CA-to-be.
pub(crate) struct Issuer<'a> {
    /// The issuer's certificate, `None` while it is being made.
    pub(crate) certificate: Option<&'a X509Ref>,
    pub(crate) key: &'a PKeyRef<Private>,
    /// Names in the directory that some extensions point to.
    pub(crate) directory: &'a Directory,
}

impl CertificateProfile {
    /// Issues a certificate of this shape at `now`.
    pub(crate) fn issue(
        &self,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
        now: OffsetDateTime,
    ) -> Result<X509, ErrorStack> {
        let subject = any(applicant.subject);
        let issuer_name = match issuer.certificate {
            Some(certificate) => any(&certificate.subject_name().to_der()?),
            None => subject.clone(),
        };
        let fields = TbsCertificate {
            version: Version::V3,
            serial_number: uint(&applicant.serial),
            signature: any(&signature_algorithm()),
            issuer: issuer_name,
            validity: self.validity.period(now, issuer.certificate)?.into(),
            subject,
            public_key: applicant.public_key.clone(),
            extensions: extension::arrange(self, applicant, issuer)?,
        };
        fields.sign(issuer.key)
    }
}

/// A value in DER that OpenSSL or this crate wrote.
pub(crate) fn any(der: &[u8]) -> Any {
    Any::from_der(der).expect("OpenSSL and this crate write whole values")
}

/// A serial number as a certificate has it.
pub(crate) fn uint(number: &BigNumRef) -> Uint {
    Uint::new(&number.to_vec()).expect("a serial number is no longer than DER can tell")
}

impl KeyIdentifier {
    /// The 20 bytes that identify a key.
    pub(crate) fn of(self, key: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, ErrorStack> {
        let digest = match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
        };
        Ok(hash(digest, key.subject_public_key.raw_bytes())?[..20].to_vec())
    }
}
