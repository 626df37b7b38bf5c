//! The kinds of keys to be certified.

use std::{fmt, str::FromStr};

use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    nid::Nid,
    pkey::{Id, PKey, PKeyRef, Private},
    rsa::Rsa,
};

use crate::suggestion::closest;

/// The least and the most bits of an RSA key.
pub const RSA_BITS: std::ops::RangeInclusive<u32> = 1024..=8192;

/// A kind of key, written as `rsa:2048`, `rsa:2048:3` (with its public exponent), `p256`, `p384`, `p521` or `ed25519`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA.
    Rsa {
        /// The length in bits.
        bits: u32,
        /// The public exponent.
        exponent: u32,
    },
    /// The elliptic curve P-256.
    P256,
    /// The elliptic curve P-384.
    P384,
    /// The elliptic curve P-521.
    P521,
    /// Ed25519, which signs and does nothing else (RFC 8032).
    Ed25519,
}

impl Default for KeyKind {
    fn default() -> Self {
        Self::rsa(2048)
    }
}

/// The error for a text that is no kind of key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAKeyKind {
    /// The word is unknown.
    #[error("`{0}` is no kind of key (known: rsa, rsa:BITS, rsa:BITS:EXPONENT, p256, p384, p521, ed25519){meant}", meant = meant(.0))]
    Unknown(String),
    /// The length of an RSA key is out of range.
    #[error("an RSA key has 1024 to 8192 bits here, not `{0}`")]
    Bits(String),
    /// The exponent is no odd number of 3 or more.
    #[error("the public exponent of an RSA key is an odd number from 3 to 4294967295, not `{0}`")]
    Exponent(String),
}

fn meant(text: &str) -> String {
    let word = text.split(':').next().unwrap_or_default().to_lowercase().replace('-', "");
    let known = ["rsa", "p256", "p384", "p521", "ed25519"];
    let meant = closest(&word, known).or_else(|| known.into_iter().find(|known| *known == word));
    meant.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default()
}

impl KeyKind {
    /// RSA with this length in bits and the usual exponent.
    pub const fn rsa(bits: u32) -> Self {
        Self::Rsa { bits, exponent: 65_537 }
    }

    /// RSA with this length and exponent.
    ///
    /// # Errors
    /// Fails if the length is out of [`RSA_BITS`], or the exponent is even or less than 3.
    pub fn rsa_with(bits: u32, exponent: u32) -> Result<Self, NotAKeyKind> {
        if !RSA_BITS.contains(&bits) {
            return Err(NotAKeyKind::Bits(bits.to_string()));
        }
        if exponent < 3 || exponent.is_multiple_of(2) {
            return Err(NotAKeyKind::Exponent(exponent.to_string()));
        }
        Ok(Self::Rsa { bits, exponent })
    }

    /// True for RSA.
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa { .. })
    }

    /// A new key of this kind. To make an RSA key takes a tenth of a second, and with 8192 bits half a minute.
    ///
    /// # Errors
    /// Fails if OpenSSL fails.
    pub fn generate(self) -> Result<PKey<Private>, ErrorStack> {
        let on_curve = |curve| {
            let group = EcGroup::from_curve_name(curve)?;
            PKey::from_ec_key(EcKey::generate(&group)?)
        };
        match self {
            Self::Rsa { bits, exponent } => {
                PKey::from_rsa(Rsa::generate_with_e(bits, &*BigNum::from_u32(exponent)?)?)
            }
            Self::P256 => on_curve(Nid::X9_62_PRIME256V1),
            Self::P384 => on_curve(Nid::SECP384R1),
            Self::P521 => on_curve(Nid::SECP521R1),
            Self::Ed25519 => PKey::generate_ed25519(),
        }
    }
}

impl FromStr for KeyKind {
    type Err = NotAKeyKind;

    fn from_str(text: &str) -> Result<Self, NotAKeyKind> {
        let mut parts = text.split(':');
        let (word, bits, exponent, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        let number = |text: &str| text.parse::<u32>().ok();
        match (word, bits, exponent, rest) {
            (Some("p256"), None, ..) => Ok(Self::P256),
            (Some("p384"), None, ..) => Ok(Self::P384),
            (Some("p521"), None, ..) => Ok(Self::P521),
            (Some("ed25519"), None, ..) => Ok(Self::Ed25519),
            (Some("rsa"), None, ..) => Ok(Self::default()),
            (Some("rsa"), Some(bits), exponent, None) => {
                let bits = number(bits).ok_or_else(|| NotAKeyKind::Bits(bits.to_owned()))?;
                let wrong = |text: &str| NotAKeyKind::Exponent(text.to_owned());
                let exponent = exponent.map(|text| number(text).ok_or_else(|| wrong(text)));
                Self::rsa_with(bits, exponent.transpose()?.unwrap_or(65_537))
            }
            _ => Err(NotAKeyKind::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, exponent: 65_537 } => write!(f, "rsa:{bits}"),
            Self::Rsa { bits, exponent } => write!(f, "rsa:{bits}:{exponent}"),
            Self::P256 => f.write_str("p256"),
            Self::P384 => f.write_str("p384"),
            Self::P521 => f.write_str("p521"),
            Self::Ed25519 => f.write_str("ed25519"),
        }
    }
}

/// The kind of a key in words, such as `RSA 2048`, `P-256` or `Ed25519`.
pub fn words<T: openssl::pkey::HasPublic>(key: &PKeyRef<T>) -> String {
    let curve = || key.ec_key().ok()?.group().curve_name();
    match key.id() {
        Id::RSA => {
            let exponent = key.rsa().map(|rsa| rsa.e().to_string()).unwrap_or_default();
            let unusual = Some(exponent).filter(|it| it != "65537");
            let unusual = unusual.map(|it| format!(" with the exponent {it}")).unwrap_or_default();
            format!("RSA {}{unusual}", key.bits())
        }
        Id::EC => match curve() {
            Some(Nid::X9_62_PRIME256V1) => "P-256".to_owned(),
            Some(Nid::SECP384R1) => "P-384".to_owned(),
            Some(Nid::SECP521R1) => "P-521".to_owned(),
            Some(other) => other.short_name().unwrap_or("EC").to_owned(),
            None => "EC".to_owned(),
        },
        Id::ED25519 => "Ed25519".to_owned(),
        Id::ED448 => "Ed448".to_owned(),
        other => format!("number {} of OpenSSL", other.as_raw()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written_and_generated() {
        for (text, expected) in [
            ("rsa:1024", "RSA 1024"),
            ("rsa:1024:3", "RSA 1024 with the exponent 3"),
            ("p256", "P-256"),
            ("p384", "P-384"),
            ("p521", "P-521"),
            ("ed25519", "Ed25519"),
        ] {
            let kind: KeyKind = text.parse().unwrap();
            assert_eq!(kind.to_string(), text);
            assert_eq!(words(&kind.generate().unwrap()), expected);
        }
        assert_eq!("rsa".parse(), Ok(KeyKind::rsa(2048)));
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for (text, reason) in [
            ("dsa", "did you mean `rsa`?"),
            ("P-256", "did you mean `p256`?"),
            ("p256:2", "is no kind of key"),
            ("rsa:512", "1024 to 8192 bits"),
            ("rsa:16384", "1024 to 8192 bits"),
            ("rsa:many", "not `many`"),
            ("rsa:2048:2", "an odd number from 3"),
            ("rsa:2048:1", "an odd number from 3"),
            ("rsa:2048:4294967297", "an odd number from 3"),
            ("rsa:2048:3:1", "is no kind of key"),
        ] {
            let error = text.parse::<KeyKind>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
