//! The keys of a lab, which are fixed and public (`keys/README.md`).

use std::{collections::HashMap, sync::LazyLock};

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
};
use parking_lot::Mutex;

use super::keys::{KEY_BITS, Role, generate};

/// Reads a key when it is first used, because a scenario takes milliseconds and reading a key takes a good part of one.
macro_rules! lab_key {
    ($name:literal) => {
        LazyLock::new(|| key(include_bytes!(concat!("../../keys/lab-", $name, ".pem"))))
    };
}

type LabKey = LazyLock<PKey<Private>>;

static CA: LabKey = lab_key!("ca");
static NEXT_CA: LabKey = lab_key!("next-ca");
static ISSUERS: [LabKey; 7] = [
    lab_key!("issuer-1"),
    lab_key!("issuer-2"),
    lab_key!("issuer-3"),
    lab_key!("issuer-4"),
    lab_key!("issuer-5"),
    lab_key!("issuer-6"),
    lab_key!("issuer-7"),
];
static REGISTRATION: [LabKey; 2] = [lab_key!("ra-signing"), lab_key!("ra-encryption")];
static NEXT_REGISTRATION: [LabKey; 2] =
    [lab_key!("next-ra-signing"), lab_key!("next-ra-encryption")];

/// A key that belongs neither to the CA nor to a client.
pub(crate) static STRANGER_KEY: LabKey = lab_key!("stranger");

/// The key of the root below which TLS servers have their certificates.
pub(crate) static TLS_ROOT_KEY: LabKey = lab_key!("tls-root");

/// The key of every TLS server.
pub(crate) static TLS_SERVER_KEY: LabKey = lab_key!("tls-server");

/// Keys by their owner and length.
type KeysMade = HashMap<(Role, u32), PKey<Private>>;

/// The keys of another length, which are made once.
static GENERATED: LazyLock<Mutex<KeysMade>> = LazyLock::new(Mutex::default);

fn key(pem: &[u8]) -> PKey<Private> {
    PKey::private_key_from_pem(pem).expect("the lab's keys come with the crate")
}

/// The lab's key of this owner. It is always the same one, in this process at least.
pub(crate) fn key_of(role: Role, bits: u32) -> Result<PKey<Private>, ErrorStack> {
    let fixed = match role {
        _ if bits != KEY_BITS => None,
        Role::Ca => Some(&CA),
        Role::NextCa => Some(&NEXT_CA),
        Role::Issuer(number) => ISSUERS.get(number),
        Role::RegistrationSigning => Some(&REGISTRATION[0]),
        Role::RegistrationEncryption => Some(&REGISTRATION[1]),
        Role::NextRegistrationSigning => Some(&NEXT_REGISTRATION[0]),
        Role::NextRegistrationEncryption => Some(&NEXT_REGISTRATION[1]),
    };
    if let Some(key) = fixed {
        return Ok(PKey::clone(key));
    }
    let mut generated = GENERATED.lock();
    if let Some(key) = generated.get(&(role, bits)) {
        return Ok(key.clone());
    }
    let key = generate(bits)?;
    generated.insert((role, bits), key.clone());
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_has_different_keys() {
        let roles = [
            Role::Ca,
            Role::NextCa,
            Role::RegistrationSigning,
            Role::RegistrationEncryption,
            Role::NextRegistrationSigning,
            Role::NextRegistrationEncryption,
        ];
        let issuers = (0..ISSUERS.len()).map(Role::Issuer);
        let roles = roles.into_iter().chain(issuers);
        let mut keys: Vec<_> = roles.map(|role| key_of(role, 2048).unwrap()).collect();
        keys.extend([&STRANGER_KEY, &TLS_ROOT_KEY, &TLS_SERVER_KEY].map(|key| PKey::clone(key)));
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(key.bits(), 2048);
            assert!(keys[number + 1..].iter().all(|other| !key.public_eq(other)), "{number}");
        }
        let short = key_of(Role::Ca, 1024).unwrap();
        assert_eq!(short.bits(), 1024);
        assert!(short.public_eq(&key_of(Role::Ca, 1024).unwrap()));
    }
}
