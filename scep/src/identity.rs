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
    /// Its private key, of which `Debug` prints the algorithm alone.
    pub key: PKey<Private>,
}
