//! A certificate together with its private key.

use openssl::{
    pkey::{PKey, Private},
    x509::X509,
};

/// A certificate and the private key that belongs to it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// The private key; `Debug` prints only its algorithm.
    pub key: PKey<Private>,
}
