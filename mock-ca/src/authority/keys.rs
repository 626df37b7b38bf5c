//! The owners of the keys of the CA itself, and new keys.

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    rsa::Rsa,
};

/// The length of keys that no setting names, in bits.
pub(crate) const KEY_BITS: u32 = 2048;

/// The owner of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Ca,
    /// The CA that follows the first.
    NextCa,
    /// A CA above the one that issues; number 0 is the nearest.
    Issuer(usize),
    RegistrationSigning,
    RegistrationEncryption,
    /// The registration authority after its renewal.
    NextRegistrationSigning,
    NextRegistrationEncryption,
}

/// A new RSA key.
pub(crate) fn generate(bits: u32) -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(bits)?)
}
