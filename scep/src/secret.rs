//! A secret text, kept out of every output.

use std::fmt;

use openssl::memcmp;

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
#[derive(Clone, PartialEq, Eq)]
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

    /// True if both are the same text; the time of the comparison depends on their lengths alone.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && memcmp::eq(self.0.as_bytes(), other.0.as_bytes())
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
