//! The cache of one-time challenge passwords, as NDES keeps it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use openssl::{error::ErrorStack, rand::rand_bytes};
use parking_lot::Mutex;
use scep::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::{
    refusal::Refusal,
    settings::ChallengePolicy,
    state::{StateDirectory, StateError},
    wire,
};

/// The reason why there is no new challenge password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeUnavailable {
    /// Too many passwords are unused.
    #[error("the password cache is full: {0} passwords are unused")]
    CacheFull(usize),
    /// The CA needs no challenge password.
    #[error("this CA asks for no challenge password")]
    NotAskedFor,
    /// The state cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// OpenSSL gave no random bytes.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] ErrorStack),
}

/// Passwords for one request each.
pub(crate) struct PasswordCache {
    entries: Mutex<Vec<Entry>>,
    rules: Rules,
    directory: Option<Arc<StateDirectory>>,
}

#[derive(Clone, Copy, Default)]
struct Rules {
    random_bytes: usize,
    lifetime: Duration,
    at_most: usize,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    password: Secret,
    /// `None` for a preset password, which does not expire.
    #[serde(with = "wire::maybe_seconds")]
    made: Option<SystemTime>,
    is_used: bool,
}

/// The time for which an expired or used password is remembered, so that the log can say what is wrong with it.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

impl PasswordCache {
    /// The preset passwords of the policy, and those of the state directory.
    pub(crate) fn open(
        policy: &ChallengePolicy,
        directory: Option<Arc<StateDirectory>>,
    ) -> Result<Self, StateError> {
        let mut entries: Vec<Entry> = match &directory {
            Some(directory) => directory.read_challenges()?,
            None => Vec::new(),
        };
        let mut rules = Rules::default();
        if let ChallengePolicy::OneTime { preset, random_bytes, lifetime, at_most } = policy {
            rules = Rules { random_bytes: *random_bytes, lifetime: *lifetime, at_most: *at_most };
            for password in preset {
                if !entries.iter().any(|known| known.password.matches(password)) {
                    entries.push(Entry { password: password.clone(), made: None, is_used: false });
                }
            }
        }
        Ok(Self { entries: Mutex::new(entries), rules, directory })
    }

    /// A new password.
    pub(crate) fn make(&self, now: SystemTime) -> Result<Secret, ChallengeUnavailable> {
        let mut random = vec![0; self.rules.random_bytes];
        rand_bytes(&mut random)?;
        let password = Secret::new(hex::encode_upper(&random));
        let mut entries = self.entries.lock();
        entries.retain(|entry| entry.age(now) <= self.rules.lifetime + REMEMBERED);
        let unused = entries.iter().filter(|entry| {
            entry.made.is_some() && !entry.is_used && entry.age(now) <= self.rules.lifetime
        });
        if unused.count() >= self.rules.at_most {
            return Err(ChallengeUnavailable::CacheFull(self.rules.at_most));
        }
        entries.push(Entry { password: password.clone(), made: Some(now), is_used: false });
        self.keep(&entries)?;
        Ok(password)
    }

    /// Takes a password for one request. It is a used one from now on, on the disk as well, so that a certificate is
    /// never issued for a password that could not be noted as used.
    pub(crate) fn take(&self, given: &Secret, now: SystemTime) -> Result<(), Refusal> {
        let mut entries = self.entries.lock();
        let entry = entries.iter_mut().find(|entry| entry.password.matches(given));
        let entry = entry.ok_or(Refusal::WrongChallenge)?;
        if entry.is_used {
            return Err(Refusal::ChallengeUsed);
        }
        if entry.age(now) > self.rules.lifetime {
            return Err(Refusal::ChallengeExpired);
        }
        entry.is_used = true;
        if let Err(error) = self.keep(&entries) {
            set_unused(&mut entries, given);
            return Err(error.into());
        }
        Ok(())
    }

    /// Makes a password usable again after its request was refused for another reason.
    pub(crate) fn put_back(&self, password: &Secret) {
        let mut entries = self.entries.lock();
        set_unused(&mut entries, password);
        // If this cannot be written, the password stays used after a restart: better lost than good for two certificates.
        let _ = self.keep(&entries);
    }

    fn keep(&self, entries: &[Entry]) -> Result<(), StateError> {
        let directory = self.directory.as_ref();
        directory.map_or(Ok(()), |directory| directory.write_challenges(&entries))
    }
}

impl Entry {
    fn age(&self, now: SystemTime) -> Duration {
        self.made.and_then(|made| now.duration_since(made).ok()).unwrap_or_default()
    }
}

fn set_unused(entries: &mut [Entry], password: &Secret) {
    for entry in entries.iter_mut().filter(|entry| entry.password.matches(password)) {
        entry.is_used = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_secs(60);

    fn cache(preset: &[&str]) -> PasswordCache {
        let preset = preset.iter().map(|text| Secret::new(*text)).collect();
        PasswordCache::open(&ChallengePolicy::one_time(preset), None).unwrap()
    }

    #[test]
    fn password_has_sixteen_upper_case_digits() {
        let password = cache(&[]).make(NOW).unwrap();
        let text = password.expose();
        assert_eq!(text.len(), 16);
        assert!(text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{text}");
    }

    #[test]
    fn password_is_used_up_by_success_alone() {
        let cache = cache(&["8CE3"]);
        let password = Secret::new("8CE3");
        cache.take(&password, NOW).unwrap();
        assert!(matches!(cache.take(&password, NOW), Err(Refusal::ChallengeUsed)));
        cache.put_back(&password);
        cache.take(&password, NOW).unwrap();
        assert!(matches!(cache.take(&password, NOW), Err(Refusal::ChallengeUsed)));
        let other = Secret::new("8CE4");
        assert!(matches!(cache.take(&other, NOW), Err(Refusal::WrongChallenge)));
    }

    #[test]
    fn new_passwords_expire_and_preset_ones_do_not() {
        let cache = cache(&["preset"]);
        let made = cache.make(NOW).unwrap();
        cache.take(&made, NOW + 60 * MINUTE).unwrap();
        cache.put_back(&made);
        let late = NOW + 61 * MINUTE;
        assert!(matches!(cache.take(&made, late), Err(Refusal::ChallengeExpired)));
        assert!(cache.take(&Secret::new("preset"), late).is_ok());
    }

    #[test]
    fn at_most_five_passwords_are_unused() {
        let cache = cache(&["preset"]);
        let first = cache.make(NOW).unwrap();
        (0..4).for_each(|_| drop(cache.make(NOW).unwrap()));
        assert!(matches!(cache.make(NOW), Err(ChallengeUnavailable::CacheFull(5))));
        cache.take(&first, NOW).unwrap();
        cache.make(NOW).unwrap();
        assert!(cache.make(NOW).is_err());
        cache.make(NOW + 61 * MINUTE).unwrap();
    }

    #[test]
    fn list_of_passwords_is_read_back() {
        let cache = cache(&["a b", "used"]);
        cache.make(NOW + MINUTE).unwrap();
        cache.take(&Secret::new("used"), NOW).unwrap();
        let text = serde_json::to_string(&*cache.entries.lock()).unwrap();
        let read: Vec<Entry> = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let expected = r#"[{"password":"a b","made":null,"is_used":false},{"password":"used","made":null,"is_used":true},{"password":""#;
        assert!(text.starts_with(expected) && text.contains(r#""made":60,"#), "{text}");
    }
}
