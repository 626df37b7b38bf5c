//! The keys of a lab, which are fixed and public (`keys/README.md`), and its authorities. They are made once an hour, so that a
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

use super::{
    keys::{KEY_BITS, Role, generate},
    plan::{Plan, PlanError},
    timeline::Timeline,
};
use crate::{
    personality::PersonalityName,
    settings::{Hierarchy, Keys},
};

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

/// Two labs with the same key have the same authorities: personality, subject in DER, host, high serial, plan, hour.
type Key = (PersonalityName, Vec<u8>, String, u8, Hierarchy, u64);

/// The number of timelines that are kept; a process that opens more different ones starts over.
const KEPT: usize = 64;

const HOUR: u64 = 3600;

static MADE: LazyLock<Mutex<HashMap<Key, Arc<Timeline>>>> = LazyLock::new(Mutex::default);

/// The lab's authorities of this plan.
pub(crate) fn timeline(
    plan: &Plan<'_>,
    subject: &X509Name,
    now: SystemTime,
) -> Result<Arc<Timeline>, PlanError> {
    let Plan { personality, windows, hierarchy, .. } = plan;
    let hour = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / HOUR;
    let (host, high_serial) = (windows.host.clone(), windows.high_serial);
    let plans = Hierarchy::clone(hierarchy);
    let key = (personality.name, subject.to_der()?, host, high_serial, plans, hour);
    let mut made = MADE.lock();
    if let Some(timeline) = made.get(&key) {
        return Ok(Arc::clone(timeline));
    }
    let on_the_hour = UNIX_EPOCH + Duration::from_secs(hour * HOUR);
    let plan = Plan { keys: Keys::Lab, ..*plan };
    let timeline = Arc::new(Timeline::create(&plan, subject, on_the_hour)?);
    if made.len() >= KEPT {
        made.clear();
    }
    made.insert(key, Arc::clone(&timeline));
    Ok(timeline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::WindowsSettings;

    #[test]
    fn the_same_lab_has_the_same_authorities() {
        let (windows, hierarchy) = (WindowsSettings::default(), Hierarchy::default());
        let personality = PersonalityName::Linux.personality();
        let plan = Plan { personality, windows: &windows, hierarchy: &hierarchy, keys: Keys::Lab };
        let now = UNIX_EPOCH + Duration::from_secs(1_776_354_244);
        let open =
            |name: &str, now| timeline(&plan, &scep::name::parse(name).unwrap(), now).unwrap();
        assert!(Arc::ptr_eq(&open("CN=a", now), &open("CN=a", now)));
        assert!(!Arc::ptr_eq(&open("CN=a", now), &open("CN=b", now)));
        assert!(!Arc::ptr_eq(&open("CN=a", now), &open("CN=a", now + Duration::from_secs(HOUR))));
        let mut other = hierarchy.clone();
        other.ca.valid_for = Some(Duration::from_secs(60));
        let other = Plan { hierarchy: &other, ..plan };
        let subject = scep::name::parse("CN=a").unwrap();
        assert!(!Arc::ptr_eq(&open("CN=a", now), &timeline(&other, &subject, now).unwrap()));
    }

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
        keys.push(PKey::clone(&STRANGER_KEY));
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(key.bits(), 2048);
            assert!(keys[number + 1..].iter().all(|other| !key.public_eq(other)), "{number}");
        }
        let short = key_of(Role::Ca, 1024).unwrap();
        assert_eq!(short.bits(), 1024);
        assert!(short.public_eq(&key_of(Role::Ca, 1024).unwrap()));
    }
}
