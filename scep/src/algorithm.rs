//! The algorithms a SCEP message names: content encryption, digest, key transport.

use std::sync::OnceLock;

use der::{
    asn1::ObjectIdentifier,
    oid::db::rfc5912::{ID_RSAES_OAEP, RSA_ENCRYPTION},
};
use openssl::{asn1::Asn1Object, hash::MessageDigest, nid::Nid, provider::Provider, symm};

use crate::{Error, named};

named! {
    /// A content encryption algorithm, always in CBC mode (RFC 8894 §2.9, §3.5.2).
    // Exhaustive: a peer must decide about each algorithm, so a new one is a breaking change.
    Cipher, "cipher" {
        /// Single DES: forbidden by RFC 8894 §2.9, but old servers and scepserver still answer with it.
        Des = "DES";
        /// Triple DES, keyword `DES3`.
        TripleDes = "3DES";
        /// AES with 128 bits, which every conforming peer must support.
        Aes128 = "AES-128";
        /// AES with 192 bits.
        Aes192 = "AES-192";
        /// AES with 256 bits.
        Aes256 = "AES-256";
    }
}

impl Cipher {
    pub(crate) fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Des => "1.3.14.3.2.7",
            Self::TripleDes => "1.2.840.113549.3.7",
            Self::Aes128 => "2.16.840.1.101.3.4.1.2",
            Self::Aes192 => "2.16.840.1.101.3.4.1.22",
            Self::Aes256 => "2.16.840.1.101.3.4.1.42",
        })
    }

    pub(crate) fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.iter().copied().find(|cipher| cipher.oid() == *oid)
    }

    /// OpenSSL's cipher of this name.
    ///
    /// # Errors
    /// Fails for single DES if this OpenSSL lacks its legacy provider.
    pub(crate) fn openssl(self) -> Result<symm::Cipher, Error> {
        Ok(match self {
            Self::Des if has_legacy_provider() => symm::Cipher::des_cbc(),
            Self::Des => {
                let value = "DES (OpenSSL's legacy provider is missing)";
                return Err(Error::unsupported("encryption algorithm", value));
            }
            Self::TripleDes => symm::Cipher::des_ede3_cbc(),
            Self::Aes128 => symm::Cipher::aes_128_cbc(),
            Self::Aes192 => symm::Cipher::aes_192_cbc(),
            Self::Aes256 => symm::Cipher::aes_256_cbc(),
        })
    }
}

/// Single DES is in OpenSSL's legacy provider. Loading that must keep the default provider, or AES disappears.
fn has_legacy_provider() -> bool {
    static LEGACY: OnceLock<Option<Provider>> = OnceLock::new();
    LEGACY.get_or_init(|| Provider::try_load(None, "legacy", true).ok()).is_some()
}

/// OpenSSL's number of an algorithm, if it knows the algorithm.
pub(crate) fn nid(oid: &ObjectIdentifier) -> Option<Nid> {
    let object = Asn1Object::from_str(&oid.to_string()).ok()?;
    Some(object.nid()).filter(|nid| *nid != Nid::UNDEF)
}

/// The name of an algorithm with its object identifier: "`ecdsa-with-SHA256` (1.2.840.10045.4.3.2)".
pub(crate) fn quoted(oid: &ObjectIdentifier) -> String {
    match nid(oid).and_then(|nid| nid.long_name().ok()) {
        Some(name) => format!("`{name}` ({oid})"),
        None => format!("`{oid}`"),
    }
}

/// The error about an algorithm that is not supported, with its name if it has one.
pub(crate) fn unsupported(what: &'static str, oid: &ObjectIdentifier) -> Error {
    Error::Unsupported { what, value: quoted(oid) }
}

named! {
    /// A digest algorithm.
    // Exhaustive, as `Cipher` is.
    #[derive(Default)]
    Digest, "digest" {
        /// MD5: forbidden by RFC 8894 §2.9; signatures with it are verified, and none should be made.
        Md5 = "MD5";
        /// SHA-1, for old peers.
        Sha1 = "SHA-1";
        /// SHA-224.
        Sha224 = "SHA-224";
        /// SHA-256, which every conforming peer must support.
        #[default]
        Sha256 = "SHA-256";
        /// SHA-384.
        Sha384 = "SHA-384";
        /// SHA-512.
        Sha512 = "SHA-512";
    }
}

impl Digest {
    /// The object identifiers of the digest itself, of the RSA signature with it (RFC 8017 appendix A.2.4) and of the
    /// ECDSA signature with it (RFC 5758 §3.2), which does not exist for MD5.
    fn oids(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::Md5 => ("1.2.840.113549.2.5", "1.2.840.113549.1.1.4", None),
            Self::Sha1 => ("1.3.14.3.2.26", "1.2.840.113549.1.1.5", Some("1.2.840.10045.4.1")),
            Self::Sha224 => {
                ("2.16.840.1.101.3.4.2.4", "1.2.840.113549.1.1.14", Some("1.2.840.10045.4.3.1"))
            }
            Self::Sha256 => {
                ("2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11", Some("1.2.840.10045.4.3.2"))
            }
            Self::Sha384 => {
                ("2.16.840.1.101.3.4.2.2", "1.2.840.113549.1.1.12", Some("1.2.840.10045.4.3.3"))
            }
            Self::Sha512 => {
                ("2.16.840.1.101.3.4.2.3", "1.2.840.113549.1.1.13", Some("1.2.840.10045.4.3.4"))
            }
        }
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(self.oids().0)
    }

    pub(crate) fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.iter().copied().find(|digest| digest.oid() == *oid)
    }

    pub(crate) fn rsa_signature_oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(self.oids().1)
    }

    pub(crate) fn ecdsa_signature_oid(self) -> Option<ObjectIdentifier> {
        self.oids().2.map(ObjectIdentifier::new_unwrap)
    }

    /// OpenSSL's digest of this name.
    pub fn openssl(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha224 => MessageDigest::sha224(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

named! {
    /// The encryption of the content encryption key for an RSA recipient.
    #[non_exhaustive]
    KeyTransport, "key transport" {
        /// RSAES-PKCS1-v1_5, which every SCEP peer understands.
        Pkcs1v15 = "RSA PKCS#1 v1.5";
        /// RSAES-OAEP with SHA-1, MGF1 with SHA-1 and an empty label, the defaults of RFC 8017 appendix A.2.1.
        Oaep = "RSA-OAEP";
    }
}

impl KeyTransport {
    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Pkcs1v15 => RSA_ENCRYPTION,
            Self::Oaep => ID_RSAES_OAEP,
        }
    }

    pub(crate) fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.iter().copied().find(|transport| transport.oid() == *oid)
    }
}
