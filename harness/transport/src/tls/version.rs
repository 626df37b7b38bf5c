//! Versions of TLS.

use std::fmt;
use std::str::FromStr;

use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslVersion};

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0 (RFC 2246), which RFC 8996 forbids.
    V1_0,
    /// TLS 1.1 (RFC 4346), which RFC 8996 forbids.
    V1_1,
    /// TLS 1.2 (RFC 5246).
    #[default]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// The error for a text that names no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version of TLS is `1.0`, `1.1`, `1.2` or `1.3`")]
pub struct NoSuchVersion;

impl TlsVersion {
    /// All, beginning with the oldest.
    pub const ALL: [Self; 4] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];

    /// The number, such as `1.2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// Lets a context take this version and newer ones.
    pub(super) fn apply(self, context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        let version = match self {
            Self::V1_0 => SslVersion::TLS1,
            Self::V1_1 => SslVersion::TLS1_1,
            Self::V1_2 => SslVersion::TLS1_2,
            Self::V1_3 => SslVersion::TLS1_3,
        };
        context.set_min_proto_version(Some(version))?;
        if self < Self::V1_2 {
            // OpenSSL 3 has the digests of the old versions only at this level.
            context.set_cipher_list("DEFAULT:@SECLEVEL=0")?;
        }
        Ok(())
    }
}

impl FromStr for TlsVersion {
    type Err = NoSuchVersion;

    fn from_str(text: &str) -> Result<Self, NoSuchVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(NoSuchVersion)
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
