//! The certificate of a signer or a recipient, as a message names it.

use std::fmt;

use der::Encode;
use openssl::x509::X509Name;

use crate::{
    cms::{CertificateIdentifier, IssuerAndSerialNumber},
    name::to_text,
};

/// The certificate of a signer or a recipient, as a message names it (RFC 5652 §5.3, §6.2.1). Its `Display` is a name in words: "the
/// certificate 1234 of the issuer `CN = CA`".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Addressee {
    /// By its issuer and its serial number.
    IssuerAndSerial {
        /// The name of the issuer, as OpenSSL writes it.
        issuer: String,
        /// The serial number in capital hexadecimal digits.
        serial: String,
    },
    /// By its subject key identifier, in capital hexadecimal digits.
    KeyIdentifier(String),
}

impl Addressee {
    pub(crate) fn of(identifier: &CertificateIdentifier) -> Self {
        match identifier {
            CertificateIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer,
                serial_number,
            }) => {
                let issuer = issuer.to_der().ok().and_then(|der| X509Name::from_der(&der).ok());
                let digits = hex::encode_upper(serial_number.as_bytes());
                // The octet that only says that the number is positive is left out, as OpenSSL does.
                let digits =
                    digits.strip_prefix("00").filter(|rest| !rest.is_empty()).unwrap_or(&digits);
                Self::IssuerAndSerial {
                    issuer: issuer.map_or_else(|| "?".to_owned(), |issuer| to_text(&issuer)),
                    serial: shown(digits),
                }
            }
            CertificateIdentifier::SubjectKeyIdentifier(id) => {
                Self::KeyIdentifier(shown(&hex::encode_upper(id.as_bytes())))
            }
        }
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                write!(f, "the certificate {serial} of the issuer `{issuer}`")
            }
            Self::KeyIdentifier(digits) => {
                write!(f, "the certificate with the subject key identifier {digits}")
            }
        }
    }
}

/// The certificate in words: "the certificate 1234 of the issuer `CN = CA`".
pub(crate) fn words(identifier: &CertificateIdentifier) -> String {
    Addressee::of(identifier).to_string()
}

/// The beginning of long digits of a peer.
fn shown(digits: &str) -> String {
    const LONGEST: usize = 64;
    match digits.get(..LONGEST) {
        Some(start) if digits.len() > LONGEST => format!("{start}…"),
        _ => digits.to_owned(),
    }
}
