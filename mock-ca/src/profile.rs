//! What an issued certificate looks like, as data: an ordered list of extensions, a validity, a key identifier.

mod altered;
pub(crate) mod der;
mod directory;
mod extension;
mod public_key;
mod requested;
mod revocation;
mod serial;
mod validity;

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    hash::{MessageDigest, hash},
    pkey::{PKeyRef, Private},
    sign::Signer,
    x509::{X509, X509Ref},
};
use time::OffsetDateTime;

pub(crate) use altered::{Alteration, KeyUsageChange, altered};
pub(crate) use directory::Directory;
pub(crate) use extension::{AuthorityKeyIdentifier, Capability, Extension, Template};
pub(crate) use public_key::PublicKeyInfo;
pub(crate) use requested::{RequestedExtensions, Wish};
pub(crate) use revocation::revocation_list;
pub(crate) use serial::{random_serial, request_serial};
pub(crate) use validity::{Validity, calendar, unix_time};

use der::{big_integer, bit_string, context_constructed, integer, null, oid, sequence};
use requested::Encoded;

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
    pub(crate) public_key: &'a PublicKeyInfo,
    pub(crate) wishes: &'a [Wish<'a>],
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
    ///
    /// It is encoded here and not by OpenSSL's builder: that would decode and encode the public key once more, which
    /// takes OpenSSL 3 about as long as a signature.
    pub(crate) fn issue(
        &self,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
        now: OffsetDateTime,
    ) -> Result<X509, ErrorStack> {
        let to_be_signed = self.signed_part(applicant, issuer, now)?;
        let mut signer = Signer::new(MessageDigest::sha256(), issuer.key)?;
        let signature = signer.sign_oneshot_to_vec(&to_be_signed)?;
        X509::from_der(&sequence(&[to_be_signed, signature_algorithm(), bit_string(&signature)]))
    }

    /// The `TBSCertificate` (RFC 5280 §4.1).
    fn signed_part(
        &self,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, ErrorStack> {
        let issuer_name = match issuer.certificate {
            Some(certificate) => certificate.subject_name().to_der()?,
            None => applicant.subject.to_vec(),
        };
        let period = self.validity.period(now, issuer.certificate)?;
        Ok(sequence(&[
            context_constructed(0, &integer(2)),
            big_integer(&applicant.serial.to_vec()),
            signature_algorithm(),
            issuer_name,
            sequence(&[der::time(period.not_before), der::time(period.not_after)]),
            applicant.subject.to_vec(),
            applicant.public_key.whole().to_vec(),
            context_constructed(3, &self.extensions(applicant, issuer)?),
        ]))
    }

    fn extensions(
        &self,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
    ) -> Result<Vec<u8>, ErrorStack> {
        let extensions = requested::arrange(self, applicant, issuer)?;
        Ok(sequence(&extensions.into_iter().map(Encoded::into_der).collect::<Vec<_>>()))
    }
}

impl KeyIdentifier {
    /// The 20 bytes that identify a key.
    pub(crate) fn of(self, key: &PublicKeyInfo) -> Result<Vec<u8>, ErrorStack> {
        let digest = match self {
            Self::Sha1 => hash(MessageDigest::sha1(), key.bits())?,
            Self::Sha256 => hash(MessageDigest::sha256(), key.bits())?,
        };
        Ok(digest[..20].to_vec())
    }
}

fn signature_algorithm() -> Vec<u8> {
    const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";
    sequence(&[oid(SHA256_WITH_RSA), null()])
}
