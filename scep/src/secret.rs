//! A secret text, kept out of every output.

use std::fmt;

use openssl::memcmp;
use openssl::sha::sha256;
use zeroize::Zeroize;

/// The text that is printed in place of a secret.
pub const MASK: &str = "****";

/// A secret text, such as the challenge password that authorises a request (RFC 8894 §2.4); `Debug` and `Display` print a mask.
///
/// With the feature `serde` it is serialised in clear, which is for the processes of one program, and never for a reader.
///
/// # Examples
/// ```
/// use scep::secret::Secret;
///
/// let password = Secret::new("8CE317021F690069");
/// assert_eq!(format!("{password:?} {password}"), "**** ****");
/// assert!(password.matches(&Secret::new("8CE317021F690069")));
/// ```
///
/// The memory of the text is overwritten when the secret is dropped.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Secret(String);

impl Secret {
    /// A secret with this text.
    pub fn new(clear: impl Into<String>) -> Self {
        Self(clear.into())
    }

    /// The text in clear, for the few places that send or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True if both are the same text. The time of the comparison shows neither where they differ nor if they have the same length.
    pub fn matches(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }

    /// True if the secret has these bytes; see [`Secret::matches`].
    pub fn is(&self, given: &[u8]) -> bool {
        memcmp::eq(&sha256(self.0.as_bytes()), &sha256(given))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<String> for Secret {
    fn from(clear: String) -> Self {
        Self(clear)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_any_length_are_compared() {
        let secret = Secret::new("hunter2");
        assert!(secret.matches(&Secret::new("hunter2")) && secret == secret.clone());
        for other in ["", "hunter", "hunter22", "Hunter2", "hunter3"] {
            assert!(
                !secret.matches(&Secret::new(other)) && secret != Secret::new(other),
                "{other}"
            );
            assert!(!secret.is(other.as_bytes()), "{other}");
        }
        assert!(Secret::new("").is(b""));
    }
}
