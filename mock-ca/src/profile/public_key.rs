//! A public key as it stands in a request or a certificate.

use der::{Decode, Encode};
use openssl::{
    error::ErrorStack,
    pkey::{HasPublic, PKeyRef},
};
use x509_cert::{
    certificate::{CertificateInner, Raw},
    request::CertReq,
    spki::SubjectPublicKeyInfoOwned,
};

/// A `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7), taken as it is: OpenSSL 3 would spend a good part of a
/// signature's time on encoding it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKeyInfo {
    whole: Vec<u8>,
    bits: Vec<u8>,
}

impl PublicKeyInfo {
    /// The key of a certification request in DER.
    pub(crate) fn of_request(request: &[u8]) -> Option<Self> {
        Self::of(&CertReq::from_der(request).ok()?.info.public_key)
    }

    /// The key of a certificate in DER.
    pub(crate) fn of_certificate(certificate: &[u8]) -> Option<Self> {
        let certificate = CertificateInner::<Raw>::from_der(certificate).ok()?;
        Self::of(certificate.tbs_certificate().subject_public_key_info())
    }

    /// The key that OpenSSL holds.
    pub(crate) fn of_key<T: HasPublic>(key: &PKeyRef<T>) -> Result<Self, ErrorStack> {
        let info = SubjectPublicKeyInfoOwned::from_der(&key.public_key_to_der()?);
        Ok(info.ok().and_then(|info| Self::of(&info)).expect("OpenSSL writes a whole structure"))
    }

    fn of(info: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let bits = info.subject_public_key.as_bytes()?.to_vec();
        Some(Self { whole: info.to_der().ok()?, bits })
    }

    /// The whole structure.
    pub(crate) fn whole(&self) -> &[u8] {
        &self.whole
    }

    /// The key itself: the content of the `BIT STRING`, without the number of its unused bits.
    pub(crate) fn bits(&self) -> &[u8] {
        &self.bits
    }
}

#[cfg(test)]
mod tests {
    use openssl::{hash::MessageDigest, x509::X509Req};

    use super::*;
    use crate::authority::lab;

    #[test]
    fn the_key_of_a_request_is_openssls() {
        let key = lab::KEYS.ca.clone();
        let mut builder = X509Req::builder().unwrap();
        builder.set_subject_name(&scep::name::parse("CN=x").unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let request = builder.build().to_der().unwrap();
        let info = PublicKeyInfo::of_request(&request).unwrap();
        assert_eq!(info, PublicKeyInfo::of_key(&key).unwrap());
        assert_eq!(info.bits(), key.rsa().unwrap().public_key_to_der_pkcs1().unwrap());
    }

    #[test]
    fn nonsense_has_no_key() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x02, 0x30, 0x00], &[0x30, 0x80, 0x00, 0x00]] {
            assert_eq!(PublicKeyInfo::of_request(bytes), None);
            assert_eq!(PublicKeyInfo::of_certificate(bytes), None);
        }
    }
}
