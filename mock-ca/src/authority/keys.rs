//! Where the authority's private keys come from.

use std::sync::LazyLock;

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    rsa::Rsa,
};

/// The private keys of an authority.
#[derive(Clone)]
pub(crate) struct AuthorityKeys {
    pub(crate) ca: PKey<Private>,
    pub(crate) registration: Option<RegistrationKeys>,
}

/// The private keys of a registration authority.
#[derive(Clone)]
pub(crate) struct RegistrationKeys {
    pub(crate) signing: PKey<Private>,
    pub(crate) encryption: PKey<Private>,
}

const KEY_BITS: u32 = 2048;

impl AuthorityKeys {
    /// New keys, with a registration authority's or without.
    pub(crate) fn generate(with_registration: bool) -> Result<Self, ErrorStack> {
        let new_key = || PKey::from_rsa(Rsa::generate(KEY_BITS)?);
        let registration = if with_registration {
            Some(RegistrationKeys { signing: new_key()?, encryption: new_key()? })
        } else {
            None
        };
        Ok(Self { ca: new_key()?, registration })
    }

    /// The fixed and public keys of the lab (`keys/README.md`).
    pub(crate) fn lab() -> Self {
        LAB.clone()
    }
}

/// Read once: a scenario takes milliseconds, and reading a key is a good part of one.
static LAB: LazyLock<AuthorityKeys> = LazyLock::new(|| AuthorityKeys {
    ca: lab_key(include_bytes!("../../keys/lab-ca.pem")),
    registration: Some(RegistrationKeys {
        signing: lab_key(include_bytes!("../../keys/lab-ra-signing.pem")),
        encryption: lab_key(include_bytes!("../../keys/lab-ra-encryption.pem")),
    }),
});

fn lab_key(pem: &[u8]) -> PKey<Private> {
    PKey::private_key_from_pem(pem).expect("the lab's keys come with the crate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_has_three_keys() {
        let keys = AuthorityKeys::lab();
        let registration = keys.registration.unwrap();
        assert_eq!(keys.ca.bits(), 2048);
        assert!(!registration.signing.public_eq(&registration.encryption));
        assert!(!keys.ca.public_eq(&registration.signing));
    }
}
