//! The challenge password, kept out of every output.

use std::fmt;

use openssl::memcmp;

/// The shared secret that authorises a request (RFC 8894 §2.4), masked whenever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ChallengePassword(String);

impl ChallengePassword {
    /// A challenge password of this text.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The text itself, for the one place that puts it into a request or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text, in a time that depends on their lengths alone.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && memcmp::eq(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl fmt::Debug for ChallengePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengePassword(****)")
    }
}
