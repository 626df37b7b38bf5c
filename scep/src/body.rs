//! The small bodies of CertPoll, GetCert and GetCRL (RFC 8894 §3.3.3 to §3.3.5).

use der::{
    Decode, Encode, Sequence,
    asn1::{Any, Int},
};
use openssl::x509::{X509Name, X509NameRef, X509Ref};

use crate::{Error, cms, content::unlike, error::reasons};

/// The CA and the subject of a pending request (RFC 8894 §3.3.3).
///
/// ```text
/// issuerAndSubject ::= SEQUENCE {
///     issuer     Name,
///     subject    Name }
/// ```
pub struct IssuerAndSubject {
    /// The name of the CA.
    pub issuer: X509Name,
    /// The subject of the request.
    pub subject: X509Name,
}

crate::named::debug_of!(IssuerAndSubject {});

#[derive(Sequence)]
struct TwoNames {
    issuer: Any,
    subject: Any,
}

impl IssuerAndSubject {
    /// Reads the body of a CertPoll.
    ///
    /// # Errors
    /// Fails if the bytes are not two names.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "issuerAndSubject";
        let names = TwoNames::from_ber(bytes).map_err(Error::malformed(WHAT));
        let names = names.map_err(unlike(bytes, WHAT, |_| false, false))?;
        Ok(Self { issuer: name(&names.issuer)?, subject: name(&names.subject)? })
    }

    /// The body of a CertPoll for this issuer and subject.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot encode a name.
    pub fn encode(issuer: &X509NameRef, subject: &X509NameRef) -> Result<Vec<u8>, Error> {
        let (issuer, subject) = (issuer.to_der()?, subject.to_der()?);
        let names = TwoNames { issuer: Any::from_der(&issuer)?, subject: Any::from_der(&subject)? };
        Ok(names.to_der()?)
    }
}

/// The name of a certificate: its issuer and its serial number (RFC 8894 §3.3.4, §3.3.5; RFC 5652 §10.2.4).
pub struct IssuerAndSerial {
    /// The name of the CA that issued the certificate.
    pub issuer: X509Name,
    /// The serial number: the octets of the DER `INTEGER`.
    pub serial: Vec<u8>,
}

crate::named::debug_of!(IssuerAndSerial { serial });

impl IssuerAndSerial {
    /// Reads the body of a GetCert or GetCRL.
    ///
    /// # Errors
    /// Fails if the bytes are not a name and a number.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "IssuerAndSerialNumber";
        let parsed = cms::IssuerAndSerialNumber::from_ber(bytes).map_err(Error::malformed(WHAT));
        let parsed = parsed.map_err(unlike(bytes, WHAT, |_| false, false))?;
        Ok(Self { issuer: name(&parsed.issuer)?, serial: parsed.serial_number.as_bytes().to_vec() })
    }

    /// The body of a GetCert or GetCRL for a certificate of this issuer and serial number, given as the octets of a DER
    /// `INTEGER`.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot encode the name, or the octets are no number.
    pub fn encode_parts(issuer: &X509NameRef, serial: &[u8]) -> Result<Vec<u8>, Error> {
        let (issuer, serial_number) = (Any::from_der(&issuer.to_der()?)?, Int::new(serial)?);
        Ok(cms::IssuerAndSerialNumber { issuer, serial_number }.to_der()?)
    }

    /// The body of a GetCert or GetCRL for this certificate.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot encode the certificate's issuer.
    pub fn encode(certificate: &X509Ref) -> Result<Vec<u8>, Error> {
        Ok(cms::IssuerAndSerialNumber::of(certificate)?.to_der()?)
    }
}

fn name(any: &Any) -> Result<X509Name, Error> {
    let der = any.to_der().map_err(Error::malformed("name"))?;
    X509Name::from_der(&der).map_err(|errors| Error::malformed("name")(reasons(&errors)))
}
