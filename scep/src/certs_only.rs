//! Certs-only messages: a `SignedData` with no content and no signer (RFC 8894 §3.4).

use der::oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
use openssl::x509::{X509, X509Crl};

use crate::{
    Error, MAX_CERTIFICATES,
    cms::{ContentInfo, EncapsulatedContentInfo, SetOf, SignedData},
    content::{Asn1, unlike},
};

/// The contents of a certs-only message.
#[non_exhaustive]
pub struct CertsOnly {
    /// The certificates, in the order received.
    pub certificates: Vec<X509>,
    /// The revocation lists, in the order received.
    pub crls: Vec<X509Crl>,
    /// The number of signers, which should be 0.
    pub signers: usize,
    /// True if there is a content, which should be absent.
    pub has_content: bool,
}

crate::named::debug_of!(CertsOnly { certificates, signers });

/// Builds a certs-only message with these certificates and revocation lists, in this order.
///
/// # Errors
/// Fails if OpenSSL cannot encode one of them.
pub fn encode(certificates: &[X509], crls: &[X509Crl]) -> Result<Vec<u8>, Error> {
    let certificates: Result<Vec<_>, _> = certificates.iter().map(|one| one.to_der()).collect();
    let crls: Result<Vec<_>, _> = crls.iter().map(|one| one.to_der()).collect();
    let set = |list: Vec<Vec<u8>>| (!list.is_empty()).then(|| SetOf::in_order(&list));
    let signed_data = SignedData {
        version: 1,
        digest_algorithms: SetOf::default(),
        encap_content_info: EncapsulatedContentInfo { content_type: ID_DATA, content: None },
        certificates: set(certificates?),
        crls: set(crls?),
        signer_infos: SetOf::default(),
    };
    ContentInfo::wrap(ID_SIGNED_DATA, &signed_data)
}

/// Reads a certs-only message, in BER or DER.
///
/// # Errors
/// Fails if the bytes are no `SignedData`.
pub fn decode(bytes: &[u8]) -> Result<CertsOnly, Error> {
    const WHAT: &str = "certs-only message";
    let opened = ContentInfo::open(bytes, ID_SIGNED_DATA, WHAT);
    let signed_data: SignedData = opened.map_err(unlike(bytes, WHAT, Asn1::is_signed, true))?;
    let (certificates, crls) = (signed_data.certificates, signed_data.crls);
    let (certificates, crls) = (certificates.unwrap_or_default(), crls.unwrap_or_default());
    let certificates = certificates.at_most(MAX_CERTIFICATES, "certificate set")?;
    let crls = crls.at_most(MAX_CERTIFICATES, "revocation list set")?;
    let signers = signed_data.signer_infos.elements()?;
    // An unreadable element does not hide the others.
    Ok(CertsOnly {
        certificates: certificates.iter().filter_map(|one| X509::from_der(one).ok()).collect(),
        crls: crls.iter().filter_map(|one| X509Crl::from_der(one).ok()).collect(),
        signers: signers.len(),
        has_content: signed_data.encap_content_info.content.is_some(),
    })
}
