//! Values about keys: their kinds, lengths, exponents and usages.

use scep::key::{KeyKind, NotAKeyKind};
use scep::key_usage::KeyUsage;

use super::{Choice, Value};

/// Kind of a key, without the length and the exponent of one of RSA.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum KeyType {
    #[default]
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl KeyType {
    /// The kind with its length and its exponent.
    pub(crate) fn with(self, bits: u32, exponent: u32) -> Result<KeyKind, NotAKeyKind> {
        match self {
            Self::Rsa => KeyKind::rsa_with(bits, exponent),
            Self::P256 => Ok(KeyKind::P256),
            Self::P384 => Ok(KeyKind::P384),
            Self::P521 => Ok(KeyKind::P521),
            Self::Ed25519 => Ok(KeyKind::Ed25519),
        }
    }
}

pub(super) const KEY_TYPES: &[Choice<KeyType>] = &[
    ("ed25519", KeyType::Ed25519, "Signs only: the reply needs the challenge password"),
    ("p256", KeyType::P256, "The elliptic curve P-256"),
    ("p384", KeyType::P384, "The elliptic curve P-384"),
    ("p521", KeyType::P521, "The elliptic curve P-521"),
    ("rsa", KeyType::Rsa, "RSA, which every CA takes"),
];

pub(super) const KEY_SIZES: &[Choice<u32>] = &[
    ("1024", 1024, "Too short for most CAs; to see that they refuse it"),
    ("2048", 2048, "The usual size"),
    ("3072", 3072, "As strong as AES with 128 bits"),
    ("4096", 4096, "Slow on small devices"),
    ("8192", 8192, "Takes half a minute to make"),
];

pub(super) const KEY_USAGES: &[Choice<KeyUsage>] = &[
    ("cRLSign", KeyUsage::CRL_SIGN, "Signatures on revocation lists"),
    ("dataEncipherment", KeyUsage::DATA_ENCIPHERMENT, "Encryption of data"),
    ("digitalSignature", KeyUsage::DIGITAL_SIGNATURE, "Other signatures"),
    ("keyAgreement", KeyUsage::KEY_AGREEMENT, "Agreement on keys"),
    ("keyCertSign", KeyUsage::KEY_CERT_SIGN, "Signatures on certificates"),
    ("keyEncipherment", KeyUsage::KEY_ENCIPHERMENT, "Encryption of keys"),
    ("nonRepudiation", KeyUsage::NON_REPUDIATION, "Signatures that bind their signer"),
];

/// Parses the public exponent of an RSA key.
pub(super) fn exponent(text: &str) -> Option<Value> {
    let exponent: u32 = text.parse().ok()?;
    let is_usable = KeyKind::rsa_with(2048, exponent).is_ok() && exponent.to_string() == text;
    is_usable.then_some(Value::KeyExponent(exponent))
}
