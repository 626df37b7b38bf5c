//! A public key as it stands in a request or a certificate.

use std::borrow::Cow;

use openssl::{
    error::ErrorStack,
    pkey::{HasPublic, PKeyRef},
};

use super::der::{Element, elements, split};

/// A `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7), taken as it is: OpenSSL 3 would spend a good part of a
/// signature's time on encoding it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKeyInfo<'a>(Cow<'a, [u8]>);

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// The explicit tag of a certificate's version.
const VERSION: u8 = 0xa0;

impl<'a> PublicKeyInfo<'a> {
    /// The key of a certification request in DER: after version and subject (RFC 2986 §4.1).
    pub(crate) fn of_request(request: &'a [u8]) -> Option<Self> {
        let fields = signed_fields(request)?;
        Self::checked(fields.get(2)?)
    }

    /// The key of a certificate in DER: after serial number, algorithm, issuer, validity and subject (RFC 5280 §4.1).
    pub(crate) fn of_certificate(certificate: &'a [u8]) -> Option<Self> {
        let fields = signed_fields(certificate)?;
        let version = usize::from(fields.first()?.tag == VERSION);
        Self::checked(fields.get(version + 5)?)
    }

    /// The key that OpenSSL holds.
    pub(crate) fn of_key<T: HasPublic>(key: &PKeyRef<T>) -> Result<Self, ErrorStack> {
        Ok(Self(Cow::Owned(key.public_key_to_der()?)))
    }

    /// The whole structure.
    pub(crate) fn whole(&self) -> &[u8] {
        &self.0
    }

    /// The key itself: the content of the `BIT STRING`, without the number of its unused bits.
    pub(crate) fn bits(&self) -> &[u8] {
        bits(&self.0).unwrap_or_default()
    }

    fn checked(element: &Element<'a>) -> Option<Self> {
        bits(element.whole).map(|_| Self(Cow::Borrowed(element.whole)))
    }
}

/// The fields of what is signed in `SEQUENCE { SEQUENCE { fields }, algorithm, signature }`.
fn signed_fields(signed: &[u8]) -> Option<Vec<Element<'_>>> {
    let (whole, _) = split(signed)?;
    let (to_be_signed, _) = split(whole.content)?;
    (whole.tag == SEQUENCE && to_be_signed.tag == SEQUENCE).then_some(())?;
    elements(to_be_signed.content)
}

fn bits(info: &[u8]) -> Option<&[u8]> {
    let (info, _) = split(info)?;
    (info.tag == SEQUENCE).then_some(())?;
    let [algorithm, key] = elements(info.content)?.try_into().ok()?;
    (algorithm.tag == SEQUENCE && key.tag == BIT_STRING).then_some(())?;
    key.content.strip_prefix(&[0])
}

#[cfg(test)]
mod tests {
    use openssl::{hash::MessageDigest, x509::X509Req};

    use super::*;
    use crate::authority::AuthorityKeys;

    #[test]
    fn the_key_of_a_request_is_openssls() {
        let key = AuthorityKeys::lab().ca;
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
