//! A value that no output may show.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret value of a lab file; `Debug` and `Display` show a mask.
///
/// Serialised it is clear: a lab is serialised for the processes that it is made of, and for nobody else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// What stands in place of a secret.
pub const MASK: &str = "****";

impl Secret {
    /// Takes the clear value.
    pub fn new(clear: impl Into<String>) -> Self {
        Self(clear.into())
    }

    /// The clear value, for those who must hand it on.
    pub fn expose(&self) -> &str {
        &self.0
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
