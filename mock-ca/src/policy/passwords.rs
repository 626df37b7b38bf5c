//! The cache of one-time challenge passwords, as NDES keeps it.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openssl::{error::ErrorStack, rand::rand_bytes};
use scep::secret::ChallengePassword;

use crate::{
    hexadecimal,
    refusal::Refusal,
    settings::ChallengePolicy,
    state::{StateDirectory, StateError, percent_decode, percent_encode},
};

/// Why there is no new challenge password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeUnavailable {
    /// As many are unused as there may be.
    #[error("the password cache is full: {0} passwords are unused")]
    CacheFull(usize),
    /// No challenge is asked for.
    #[error("this CA asks for no challenge password")]
    NotAskedFor,
    /// It cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no randomness.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] ErrorStack),
}

/// Passwords that serve once.
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

#[derive(Clone)]
struct Entry {
    password: ChallengePassword,
    /// `None` for one given out beforehand, which does not expire.
    made: Option<SystemTime>,
    usage: Usage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    Unused,
    InUse,
    Used,
}

/// An expired or used password is remembered so much longer, to say what is wrong with it.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

impl PasswordCache {
    /// The passwords of the policy, and those that the directory remembers.
    pub(crate) fn open(
        policy: &ChallengePolicy,
        directory: Option<Arc<StateDirectory>>,
    ) -> Result<Self, StateError> {
        let mut entries = match &directory {
            Some(directory) => directory.read_challenges(read)?,
            None => Vec::new(),
        };
        let mut rules = Rules::default();
        if let ChallengePolicy::OneTime { preset, random_bytes, lifetime, at_most } = policy {
            rules = Rules { random_bytes: *random_bytes, lifetime: *lifetime, at_most: *at_most };
            for password in preset {
                if !entries.iter().any(|known| known.password.matches(password)) {
                    entries.push(Entry {
                        password: password.clone(),
                        made: None,
                        usage: Usage::Unused,
                    });
                }
            }
        }
        Ok(Self { entries: Mutex::new(entries), rules, directory })
    }

    /// A new password.
    pub(crate) fn make(&self, now: SystemTime) -> Result<ChallengePassword, ChallengeUnavailable> {
        let mut random = vec![0; self.rules.random_bytes];
        rand_bytes(&mut random)?;
        let password = ChallengePassword::new(hexadecimal::upper(&random));
        let mut entries = self.lock();
        entries.retain(|entry| entry.age(now) <= self.rules.lifetime + REMEMBERED);
        let unused = entries.iter().filter(|entry| {
            entry.made.is_some()
                && entry.usage != Usage::Used
                && entry.age(now) <= self.rules.lifetime
        });
        if unused.count() >= self.rules.at_most {
            return Err(ChallengeUnavailable::CacheFull(self.rules.at_most));
        }
        entries.push(Entry { password: password.clone(), made: Some(now), usage: Usage::Unused });
        self.keep(&entries)?;
        Ok(password)
    }

    /// Takes a password for one request; nobody else can take it before it is put back.
    pub(crate) fn take<'a>(
        &'a self,
        given: &ChallengePassword,
        now: SystemTime,
    ) -> Result<Taken<'a>, Refusal> {
        let mut entries = self.lock();
        let entry = entries.iter_mut().find(|entry| entry.password.matches(given));
        let entry = entry.ok_or(Refusal::WrongChallenge)?;
        match entry.usage {
            Usage::InUse | Usage::Used => Err(Refusal::ChallengeUsed),
            Usage::Unused if entry.age(now) > self.rules.lifetime => Err(Refusal::ChallengeExpired),
            Usage::Unused => {
                entry.usage = Usage::InUse;
                Ok(Taken { cache: self, password: given.clone(), spent: false })
            }
        }
    }

    fn set_usage(&self, password: &ChallengePassword, usage: Usage) -> Result<(), StateError> {
        let mut entries = self.lock();
        for entry in entries.iter_mut().filter(|entry| entry.password.matches(password)) {
            entry.usage = usage;
        }
        if usage == Usage::Used { self.keep(&entries) } else { Ok(()) }
    }

    fn keep(&self, entries: &[Entry]) -> Result<(), StateError> {
        let directory = self.directory.as_ref();
        directory.map_or(Ok(()), |directory| directory.write_challenges(&write(entries)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn age(&self, now: SystemTime) -> Duration {
        self.made.and_then(|made| now.duration_since(made).ok()).unwrap_or_default()
    }
}

/// A password in use by one request; dropped unspent, it serves again.
pub(crate) struct Taken<'a> {
    cache: &'a PasswordCache,
    password: ChallengePassword,
    spent: bool,
}

impl Taken<'_> {
    /// Makes it a used one, for good.
    pub(crate) fn spend(mut self) -> Result<(), StateError> {
        self.spent = true;
        self.cache.set_usage(&self.password, Usage::Used)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.spent {
            // Putting it back writes nothing, and so cannot fail.
            let _ = self.cache.set_usage(&self.password, Usage::Unused);
        }
    }
}

/// One line each: `used` or `unused`, when it was made in seconds since 1970 or `preset`, the password.
fn write(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |mut text, entry| {
        let usage = if entry.usage == Usage::Used { "used" } else { "unused" };
        let since_epoch = entry.made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let made = since_epoch.map_or("preset".to_owned(), |made| made.as_secs().to_string());
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{usage} {made} {}", percent_encode(entry.password.expose()));
        text
    })
}

fn read(text: &str) -> Result<Vec<Entry>, String> {
    let entry = |line: &str| {
        let [usage, made, password] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let seconds = |text: &str| text.parse().ok().map(Duration::from_secs);
        Some(Entry {
            usage: match usage {
                "used" => Usage::Used,
                "unused" => Usage::Unused,
                _ => return None,
            },
            made: match made {
                "preset" => None,
                made => Some(UNIX_EPOCH.checked_add(seconds(made)?)?),
            },
            password: ChallengePassword::new(percent_decode(password)?),
        })
    };
    if !(text.is_empty() || text.ends_with('\n')) {
        return Err("its last line is cut short".to_owned());
    }
    let numbered = text.lines().enumerate();
    // The line itself holds a password and is not shown.
    numbered.map(|(n, line)| entry(line).ok_or(format!("line {} is unreadable", n + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_secs(60);

    fn cache(preset: &[&str]) -> PasswordCache {
        let preset = preset.iter().map(|text| ChallengePassword::new(*text)).collect();
        PasswordCache::open(&ChallengePolicy::one_time(preset), None).unwrap()
    }

    #[test]
    fn a_password_is_sixteen_upper_case_digits() {
        let password = cache(&[]).make(NOW).unwrap();
        let text = password.expose();
        assert_eq!(text.len(), 16);
        assert!(text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{text}");
    }

    #[test]
    fn a_password_serves_once_and_a_failed_use_is_none() {
        let cache = cache(&["8CE3"]);
        let password = ChallengePassword::new("8CE3");
        {
            let _taken = cache.take(&password, NOW).unwrap();
            assert!(matches!(cache.take(&password, NOW), Err(Refusal::ChallengeUsed)));
        }
        cache.take(&password, NOW).unwrap().spend().unwrap();
        assert!(matches!(cache.take(&password, NOW), Err(Refusal::ChallengeUsed)));
        let other = ChallengePassword::new("8CE4");
        assert!(matches!(cache.take(&other, NOW), Err(Refusal::WrongChallenge)));
    }

    #[test]
    fn made_passwords_expire_and_preset_ones_do_not() {
        let cache = cache(&["preset"]);
        let made = cache.make(NOW).unwrap();
        drop(cache.take(&made, NOW + 60 * MINUTE).unwrap());
        let late = NOW + 61 * MINUTE;
        assert!(matches!(cache.take(&made, late), Err(Refusal::ChallengeExpired)));
        assert!(cache.take(&ChallengePassword::new("preset"), late).is_ok());
    }

    #[test]
    fn five_are_unused_at_most() {
        let cache = cache(&["preset"]);
        let first = cache.make(NOW).unwrap();
        (0..4).for_each(|_| drop(cache.make(NOW).unwrap()));
        assert!(matches!(cache.make(NOW), Err(ChallengeUnavailable::CacheFull(5))));
        cache.take(&first, NOW).unwrap().spend().unwrap();
        cache.make(NOW).unwrap();
        assert!(cache.make(NOW).is_err());
        cache.make(NOW + 61 * MINUTE).unwrap();
    }

    #[test]
    fn the_list_is_read_back() {
        let cache = cache(&["a b", "used"]);
        cache.make(NOW + MINUTE).unwrap();
        cache.take(&ChallengePassword::new("used"), NOW).unwrap().spend().unwrap();
        let text = write(&cache.lock());
        assert_eq!(write(&read(&text).unwrap()), text);
        assert!(text.starts_with("unused preset a%20b\nused preset used\nunused 60 "), "{text}");
        assert!(read(&text[..text.len() - 1]).is_err());
        assert_eq!(read("used\n").err().unwrap(), "line 1 is unreadable");
    }
}
