//! Where the authority's private keys come from.

use std::sync::LazyLock;

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    rsa::Rsa,
};

use crate::personality::Personality;

/// The private keys of an authority.
#[derive(Clone)]
pub(crate) struct AuthorityKeys {
    pub(crate) ca: PKey<Private>,
    /// That of the CA to follow.
    pub(crate) next_ca: Option<PKey<Private>>,
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
    /// New keys, as many as the personality needs.
    pub(crate) fn generate(personality: &Personality) -> Result<Self, ErrorStack> {
        let new_key = || PKey::from_rsa(Rsa::generate(KEY_BITS)?);
        let next_ca = personality.has_next_ca.then(new_key).transpose()?;
        let registration = if personality.registration.is_some() {
            Some(RegistrationKeys { signing: new_key()?, encryption: new_key()? })
        } else {
            None
        };
        Ok(Self { ca: new_key()?, next_ca, registration })
    }

    /// The fixed and public keys of the lab (`keys/README.md`).
    pub(crate) fn lab() -> Self {
        LAB.clone()
    }
}

/// Read once: a scenario takes milliseconds, and reading a key is a good part of one.
static LAB: LazyLock<AuthorityKeys> = LazyLock::new(|| AuthorityKeys {
    ca: lab_key(include_bytes!("../../keys/lab-ca.pem")),
    next_ca: Some(lab_key(include_bytes!("../../keys/lab-next-ca.pem"))),
    registration: Some(RegistrationKeys {
        signing: lab_key(include_bytes!("../../keys/lab-ra-signing.pem")),
        encryption: lab_key(include_bytes!("../../keys/lab-ra-encryption.pem")),
    }),
});

/// The fixed and public key of one who has nothing to say here.
pub(crate) fn stranger_key() -> &'static PKey<Private> {
    static STRANGER: LazyLock<PKey<Private>> =
        LazyLock::new(|| lab_key(include_bytes!("../../keys/lab-stranger.pem")));
    &STRANGER
}

fn lab_key(pem: &[u8]) -> PKey<Private> {
    PKey::private_key_from_pem(pem).expect("the lab's keys come with the crate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_has_different_keys() {
        let keys = AuthorityKeys::lab();
        let registration = keys.registration.unwrap();
        assert_eq!(keys.ca.bits(), 2048);
        assert!(!registration.signing.public_eq(&registration.encryption));
        assert!(!keys.ca.public_eq(&registration.signing));
        assert!(!keys.ca.public_eq(&keys.next_ca.unwrap()));
        assert!(!keys.ca.public_eq(stranger_key()));
    }
}
