//! The certificates of the CA itself that are made when it is opened for the first time: those of its issuers, of itself, of its
//! registration authority, and of the CA that follows it.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The number of CAs from the one that issues to the root, itself included.
pub const MOST_LEVELS: usize = 8;

/// The lengths of RSA keys, in bits, that a CA can have.
pub const KEY_BITS: [u32; 4] = [1024, 2048, 3072, 4096];

/// The certificates of a new CA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Hierarchy {
    /// The certificate of the CA that issues.
    pub ca: CaCertificate,
    /// The CAs above it, the nearest first and the root last; if there is none, the CA is its own root. At most seven.
    pub issued_by: Vec<IssuerCa>,
    /// The certificates of its registration authority, if the personality has one.
    pub registration: RegistrationPlan,
    /// The CA that follows; by default `rfc8894` has one that begins when the first ends.
    pub next_ca: Option<NextCa>,
}

/// The key and the validity of a CA.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct CaCertificate {
    /// The length of its RSA key in bits, one of [`KEY_BITS`]; 2048 by default.
    pub key_bits: u32,
    /// The first moment of its validity; by default a day before the CA is opened.
    pub valid_from: Option<SystemTime>,
    /// The length of its validity, in whole seconds; by default that of the personality.
    pub valid_for: Option<Duration>,
}

impl Default for CaCertificate {
    fn default() -> Self {
        Self { key_bits: 2048, valid_from: None, valid_for: None }
    }
}

/// A CA above the one that issues.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssuerCa {
    /// Its distinguished name.
    pub subject: String,
    /// Its key and validity.
    pub certificate: CaCertificate,
}

/// The validity of a registration authority's certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistrationPlan {
    /// The first moment of its validity; by default some minutes after that of the CA.
    pub valid_from: Option<SystemTime>,
    /// The length of its validity, in whole seconds; by default 730 days.
    pub valid_for: Option<Duration>,
    /// Its renewal.
    pub next: Option<NextRegistration>,
}

/// The renewal of a registration authority's certificates.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NextRegistration {
    /// The moment from which the CA uses the new ones alone.
    pub from: SystemTime,
    /// The length of their validity, in whole seconds; that of the first by default.
    pub valid_for: Option<Duration>,
    /// Their keys.
    pub key: NextKey,
}

/// The CA that follows the first (RFC 8894 §4.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NextCa {
    /// The moment from which it issues, which is also the first of its validity.
    pub from: SystemTime,
    /// The moment from which GetNextCACert answers with it; always by default.
    pub announced: Option<SystemTime>,
    /// Its distinguished name; that of the first by default.
    pub subject: Option<String>,
    /// Its key.
    pub key: NextKey,
    /// The length of its validity, in whole seconds; that of the first by default.
    pub valid_for: Option<Duration>,
}

scep::named! {
    /// The key of a certificate that takes the place of another.
    NextKey, "key" {
        /// Another key.
        New = "new";
        /// The key of the certificate before.
        Same = "same";
    }
}
