//! A certificate together with its private key.

use std::fmt;

use openssl::{
    pkey::{PKey, Private},
    x509::X509,
};

/// A certificate and the private key that belongs to it.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// Its private key; never printed.
    pub key: PKey<Private>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
