//! The key usage extension, which distinguishes the RA certificates of SCEP (RFC 8894 §2.1.2, §2.3).

use std::{ops::BitOr, str::FromStr};

use openssl::x509::X509Ref;

use crate::UnknownName;

/// The uses of a key: the set of bits of RFC 5280 §4.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyUsage(u8);

impl KeyUsage {
    /// Signatures other than those on certificates and revocation lists.
    pub const DIGITAL_SIGNATURE: Self = Self(0x80);
    /// Encryption of keys, such as the content encryption key of an envelope.
    pub const KEY_ENCIPHERMENT: Self = Self(0x20);
    /// Signatures that bind their signer.
    pub const NON_REPUDIATION: Self = Self(0x40);
    /// Encryption of data.
    pub const DATA_ENCIPHERMENT: Self = Self(0x10);
    /// Agreement on keys.
    pub const KEY_AGREEMENT: Self = Self(0x08);
    /// Signatures on certificates.
    pub const KEY_CERT_SIGN: Self = Self(0x04);
    /// Signatures on revocation lists.
    pub const CRL_SIGN: Self = Self(0x02);

    /// The key usage of a certificate, or `None` if the certificate has no such extension and so no restriction.
    pub fn of(certificate: &X509Ref) -> Option<Self> {
        let bits = certificate.key_usage()?.bits();
        Some(Self(bits.to_le_bytes()[0]))
    }

    /// Reads the value of the extension, a DER `BIT STRING`.
    pub fn from_der(value: &[u8]) -> Option<Self> {
        match value {
            [0x03, 0x01, 0x00] => Some(Self(0)),
            [0x03, 0x02, 0..8, bits] | [0x03, 0x03, 0..8, bits, _] => Some(Self(*bits)),
            _ => None,
        }
    }

    /// The value of the extension, a DER `BIT STRING` without trailing zero bits.
    pub fn to_der(self) -> Vec<u8> {
        match self.0 {
            0 => vec![0x03, 0x01, 0x00],
            bits => vec![0x03, 0x02, bits.trailing_zeros().to_le_bytes()[0], bits],
        }
    }

    /// The names of the bits that are set, in the spelling of RFC 5280 §4.2.1.3.
    pub fn names(self) -> Vec<&'static str> {
        NAMES.iter().filter(|(bit, _)| self.contains(*bit)).map(|(_, name)| *name).collect()
    }

    /// True if this set has every bit of `other`.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The names of RFC 5280 §4.2.1.3, but for those that restrict a key agreement.
const NAMES: [(KeyUsage, &str); 7] = [
    (KeyUsage::DIGITAL_SIGNATURE, "digitalSignature"),
    (KeyUsage::NON_REPUDIATION, "nonRepudiation"),
    (KeyUsage::KEY_ENCIPHERMENT, "keyEncipherment"),
    (KeyUsage::DATA_ENCIPHERMENT, "dataEncipherment"),
    (KeyUsage::KEY_AGREEMENT, "keyAgreement"),
    (KeyUsage::KEY_CERT_SIGN, "keyCertSign"),
    (KeyUsage::CRL_SIGN, "cRLSign"),
];

impl FromStr for KeyUsage {
    type Err = UnknownName;

    /// Reads the names of RFC 5280 §4.2.1.3, with commas between them.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        text.split(',').map(str::trim).try_fold(Self(0), |usage, name| {
            let known = NAMES.iter().find(|(_, known)| *known == name);
            let unknown = || UnknownName {
                what: "key usage",
                name: name.to_owned(),
                known: NAMES.map(|(_, name)| name).to_vec(),
            };
            Ok(usage | known.ok_or_else(unknown)?.0)
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for KeyUsage {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(to)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for KeyUsage {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Vec::<String>::deserialize(from)?.join(",").as_str() {
            "" => Ok(Self(0)),
            names => names.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_usage_is_read_and_written() {
        let usage = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT;
        assert_eq!(usage.to_der(), [0x03, 0x02, 0x05, 0xa0]);
        assert_eq!(KeyUsage::from_der(&usage.to_der()), Some(usage));
        assert!(!usage.contains(KeyUsage::CRL_SIGN));
    }

    #[test]
    fn key_usage_is_read_from_its_names() {
        let usage = "digitalSignature, keyEncipherment".parse::<KeyUsage>().unwrap();
        assert_eq!(usage, KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT);
        let error = "keyEncipherment,digitalsignature".parse::<KeyUsage>().unwrap_err().to_string();
        assert!(error.ends_with("did you mean `digitalSignature`?"), "{error}");
        assert!("".parse::<KeyUsage>().is_err());
    }

    #[test]
    fn malformed_key_usage_is_refused() {
        for value in [&[][..], &[0x03], &[0x03, 0x02, 0x09, 0xa0], &[0x04, 0x02, 0x05, 0xa0]] {
            assert_eq!(KeyUsage::from_der(value), None, "{value:02x?}");
        }
    }
}
