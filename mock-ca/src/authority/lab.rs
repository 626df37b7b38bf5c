//! The authority of a lab, made once an hour: a scenario should not pay for signing the same CA again.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openssl::{error::ErrorStack, x509::X509Name};
use parking_lot::Mutex;

use super::{Authority, AuthorityKeys};
use crate::{
    personality::{Personality, PersonalityName},
    settings::WindowsSettings,
};

/// What makes two lab authorities the same: personality, subject in DER, host, high serial, hour.
type Key = (PersonalityName, Vec<u8>, String, u8, u64);

/// So many are kept; a process that opens more different ones starts over.
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
    let keys = AuthorityKeys::lab();
    let authority = Arc::new(Authority::create(personality, &keys, subject, windows, on_the_hour)?);
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
}
