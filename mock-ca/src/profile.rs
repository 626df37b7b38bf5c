//! What an issued certificate looks like, as data: an ordered list of extensions, a validity, a key identifier.

mod der;
mod directory;
mod extension;
mod requested;
mod serial;
mod validity;

use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time},
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, PKeyRef, Private, Public},
    x509::{X509, X509Builder, X509Extension, X509NameRef, X509Ref},
};
use time::OffsetDateTime;

pub(crate) use directory::Directory;
pub(crate) use extension::{AuthorityKeyIdentifier, Capability, Extension, Template};
pub(crate) use requested::{RequestedExtensions, Wish};
pub(crate) use serial::{random_serial, request_serial, sequential_serial};
pub(crate) use validity::{Validity, calendar, unix_time};

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
    pub(crate) subject: &'a X509NameRef,
    pub(crate) public_key: &'a PKeyRef<Public>,
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
    pub(crate) fn issue(
        &self,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
        now: OffsetDateTime,
    ) -> Result<X509, ErrorStack> {
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        let serial = applicant.serial.to_asn1_integer()?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(applicant.subject)?;
        let issuer_name = issuer.certificate.map_or(applicant.subject, X509Ref::subject_name);
        builder.set_issuer_name(issuer_name)?;
        builder.set_pubkey(applicant.public_key)?;
        self.set_validity(&mut builder, issuer, now)?;
        for (oid, critical, value) in requested::arrange(self, applicant, issuer)? {
            builder.append_extension(x509_extension(&oid, critical, &value)?)?;
        }
        builder.sign(issuer.key, MessageDigest::sha256())?;
        // Parsed anew: a certificate just built keeps parts of its builder and prints otherwise than a received one.
        X509::from_der(&builder.build().to_der()?)
    }

    fn set_validity(
        &self,
        builder: &mut X509Builder,
        issuer: &Issuer<'_>,
        now: OffsetDateTime,
    ) -> Result<(), ErrorStack> {
        let period = self.validity.period(now, issuer.certificate)?;
        builder.set_not_before(&*Asn1Time::from_unix(period.not_before.unix_timestamp())?)?;
        builder.set_not_after(&*Asn1Time::from_unix(period.not_after.unix_timestamp())?)
    }
}

impl KeyIdentifier {
    /// The 20 bytes that identify a key.
    pub(crate) fn of(self, key: &PKeyRef<Public>) -> Result<Vec<u8>, ErrorStack> {
        let bits = match key.rsa() {
            Ok(rsa) => rsa.public_key_to_der_pkcs1()?,
            Err(_) => key.public_key_to_der()?,
        };
        let digest = match self {
            Self::Sha1 => openssl::hash::hash(MessageDigest::sha1(), &bits)?,
            Self::Sha256 => openssl::hash::hash(MessageDigest::sha256(), &bits)?,
        };
        Ok(digest[..20].to_vec())
    }
}

/// The public half of a private key.
pub(crate) fn public_half(key: &PKeyRef<Private>) -> Result<PKey<Public>, ErrorStack> {
    PKey::public_key_from_der(&key.public_key_to_der()?)
}

pub(crate) fn x509_extension(
    oid: &str,
    critical: bool,
    value: &[u8],
) -> Result<X509Extension, ErrorStack> {
    let object = Asn1Object::from_str(oid)?;
    X509Extension::new_from_der(&object, critical, &*Asn1OctetString::new_from_bytes(value)?)
}
