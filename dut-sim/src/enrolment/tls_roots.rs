//! The certificates by which a device recognises servers of HTTPS.

use serde::{Deserialize, Serialize};

/// The certificates by which a device recognises servers of HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsRoots {
    /// Those that the operating system trusts.
    #[default]
    System,
    /// These, each in PEM.
    Given(Vec<String>),
}
