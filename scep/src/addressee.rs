//! The words for the certificate of a signer or a recipient, as a message names it.

use der::Encode;
use openssl::x509::X509Name;

use crate::{
    cms::{CertificateIdentifier, IssuerAndSerialNumber},
    name::to_text,
};

/// The certificate in words: "the certificate 1234 of the issuer `CN = CA`".
pub(crate) fn words(identifier: &CertificateIdentifier) -> String {
    match identifier {
        CertificateIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer,
            serial_number,
        }) => {
            let issuer = issuer.to_der().ok().and_then(|der| X509Name::from_der(&der).ok());
            let issuer = issuer.map_or_else(|| "?".to_owned(), |issuer| to_text(&issuer));
            let digits = hex::encode_upper(serial_number.as_bytes());
            // The octet that only says that the number is positive is left out, as OpenSSL does.
            let digits =
                digits.strip_prefix("00").filter(|rest| !rest.is_empty()).unwrap_or(&digits);
            format!("the certificate {} of the issuer `{issuer}`", shown(digits))
        }
        CertificateIdentifier::SubjectKeyIdentifier(id) => {
            let digits = hex::encode_upper(id.as_bytes());
            format!("the certificate with the subject key identifier {}", shown(&digits))
        }
    }
}

/// The beginning of long digits of a peer.
fn shown(digits: &str) -> String {
    const LONGEST: usize = 64;
    match digits.get(..LONGEST) {
        Some(start) if digits.len() > LONGEST => format!("{start}…"),
        _ => digits.to_owned(),
    }
}
