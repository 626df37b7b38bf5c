//! The keys of a lab, which are fixed and public (`keys/README.md`), and its authority. It is made once an hour, so that a
//! scenario does not sign the same CA certificate again.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    x509::X509Name,
};
use parking_lot::Mutex;

use super::{Authority, AuthorityKeys};
use crate::{
    personality::{Personality, PersonalityName, Registration},
    settings::WindowsSettings,
};

/// The lab's keys, read once because a scenario takes milliseconds and reading a key takes a good part of one.
pub(crate) static KEYS: LazyLock<AuthorityKeys> = LazyLock::new(|| AuthorityKeys {
    ca: key(include_bytes!("../../keys/lab-ca.pem")),
    next_ca: Some(key(include_bytes!("../../keys/lab-next-ca.pem"))),
    registration: Some(Registration {
        signing: key(include_bytes!("../../keys/lab-ra-signing.pem")),
        encryption: key(include_bytes!("../../keys/lab-ra-encryption.pem")),
    }),
});

/// A key that belongs neither to the CA nor to a client.
pub(crate) static STRANGER_KEY: LazyLock<PKey<Private>> =
    LazyLock::new(|| key(include_bytes!("../../keys/lab-stranger.pem")));

fn key(pem: &[u8]) -> PKey<Private> {
    PKey::private_key_from_pem(pem).expect("the lab's keys come with the crate")
}

/// Two lab authorities with the same key are the same: personality, subject in DER, host, high serial, hour.
type Key = (PersonalityName, Vec<u8>, String, u8, u64);

/// The number of authorities that are kept; a process that opens more different ones starts over.
const KEPT: usize = 64;

const HOUR: u64 = 3600;

static MADE: LazyLock<Mutex<HashMap<Key, Arc<Authority>>>> = LazyLock::new(Mutex::default);

/// The lab's authority of this personality and name.
pub(crate) fn authority(
    personality: &Personality,
    subject: &X509Name,
    windows: &WindowsSettings,
    now: SystemTime,
) -> Result<Arc<Authority>, ErrorStack> {
    let hour = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / HOUR;
    let key =
        (personality.name, subject.to_der()?, windows.host.clone(), windows.high_serial, hour);
    let mut made = MADE.lock();
    if let Some(authority) = made.get(&key) {
        return Ok(Arc::clone(authority));
    }
    let on_the_hour = UNIX_EPOCH + Duration::from_secs(hour * HOUR);
    let authority = Authority::create(personality, &KEYS, subject, windows, on_the_hour)?;
    let authority = Arc::new(authority);
    if made.len() >= KEPT {
        made.clear();
    }
    made.insert(key, Arc::clone(&authority));
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_lab_has_the_same_authority() {
        let personality = PersonalityName::Linux.personality();
        let windows = WindowsSettings::default();
        let now = UNIX_EPOCH + Duration::from_secs(1_776_354_244);
        let open = |name: &str, now| {
            authority(personality, &scep::name::parse(name).unwrap(), &windows, now).unwrap()
        };
        assert!(Arc::ptr_eq(&open("CN=a", now), &open("CN=a", now)));
        assert!(!Arc::ptr_eq(&open("CN=a", now), &open("CN=b", now)));
        assert!(!Arc::ptr_eq(&open("CN=a", now), &open("CN=a", now + Duration::from_secs(HOUR))));
    }

    #[test]
    fn the_lab_has_different_keys() {
        let registration = KEYS.registration.as_ref().unwrap();
        assert_eq!(KEYS.ca.bits(), 2048);
        assert!(!registration.signing.public_eq(&registration.encryption));
        assert!(!KEYS.ca.public_eq(&registration.signing));
        assert!(!KEYS.ca.public_eq(KEYS.next_ca.as_ref().unwrap()));
        assert!(!KEYS.ca.public_eq(&STRANGER_KEY));
    }
}
