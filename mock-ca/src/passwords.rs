//! The cache of one-time challenge passwords, as NDES keeps it.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use openssl::{error::ErrorStack, rand::rand_bytes};
use parking_lot::Mutex;
use rusqlite::Connection;
use scep::secret::Secret;

use crate::{
    refusal::Refusal,
    settings::ChallengePolicy,
    state::{
        Database, Moment, QueryError, StateError,
        rows::{self, PasswordOrigin, digest_of},
    },
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
    Crypto(ErrorStack),
}

// Without `source`: the text of the error has the text of its cause.
impl From<ErrorStack> for ChallengeUnavailable {
    fn from(errors: ErrorStack) -> Self {
        Self::Crypto(errors)
    }
}

/// Passwords for one request each; the database has their digests.
pub(crate) struct PasswordCache {
    database: Arc<Database>,
    rules: Rules,
    /// The digests of passwords whose request is being decided.
    claimed: Mutex<HashSet<String>>,
}

#[derive(Clone, Copy, Default)]
struct Rules {
    preset_expires: bool,
    random_bytes: usize,
    lifetime: Duration,
    at_most: usize,
}

/// The time for which an expired or used password is remembered, so that the log can say what is wrong with it.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

impl PasswordCache {
    /// The passwords in the database, and the preset ones of the policy, whose life begins now if they are new.
    pub(crate) fn open(
        policy: &ChallengePolicy,
        database: Arc<Database>,
        now: SystemTime,
    ) -> Result<Self, StateError> {
        let mut rules = Rules::default();
        if let ChallengePolicy::OneTime {
            preset,
            preset_expires,
            random_bytes,
            lifetime,
            at_most,
        } = policy
        {
            rules = Rules {
                preset_expires: *preset_expires,
                random_bytes: *random_bytes,
                lifetime: *lifetime,
                at_most: *at_most,
            };
            let (preset, given) = (preset.clone(), PasswordOrigin::Given(now));
            database.write(move |connection| {
                let mut preset = preset.iter();
                preset.try_for_each(|it| rows::insert_challenge(connection, it, given, None))
            })?;
        }
        Ok(Self { database, rules, claimed: Mutex::default() })
    }

    /// A new password.
    pub(crate) fn make(&self, now: SystemTime) -> Result<Secret, ChallengeUnavailable> {
        let Rules { random_bytes, lifetime, at_most, .. } = self.rules;
        let mut random = vec![0; random_bytes];
        rand_bytes(&mut random)?;
        let password = Secret::new(hex::encode_upper(&random));
        let made = password.clone();
        let has_place = self.database.write(move |connection| {
            forget_before(connection, ago(now, lifetime.saturating_add(REMEMBERED)))?;
            let has_place = unused_since(connection, ago(now, lifetime))? < at_most;
            if has_place {
                rows::insert_challenge(connection, &made, PasswordOrigin::Made(now), None)?;
            }
            Ok(has_place)
        })?;
        has_place.then_some(password).ok_or(ChallengeUnavailable::CacheFull(at_most))
    }

    /// Claims a password for one request. It becomes a used one together with the outcome of the request, and if there is none,
    /// it is good for another request when the claim is dropped.
    pub(crate) fn claim(
        &self,
        given: &Secret,
        now: SystemTime,
    ) -> Result<ChallengeClaim<'_>, Refusal> {
        let digest = digest_of(given);
        let claim = self.claimed.lock().insert(digest.clone());
        let claim = claim.then(|| ChallengeClaim { cache: self, digest: digest.clone() });
        // Only now, because a claim that has just been dropped may have left a used password.
        let known = self.database.read(|connection| times_of(connection, &digest))?;
        let (made, given, used) = known.ok_or(Refusal::WrongChallenge)?;
        let Some(claim) = claim.filter(|_| used.is_none()) else {
            return Err(Refusal::ChallengeUsed);
        };
        let begun = made.or(given.filter(|_| self.rules.preset_expires));
        let is_expired = begun.is_some_and(|begun| begun < ago(now, self.rules.lifetime));
        if is_expired { Err(Refusal::ChallengeExpired) } else { Ok(claim) }
    }
}

/// A password that no other request can use meanwhile.
pub(crate) struct ChallengeClaim<'a> {
    cache: &'a PasswordCache,
    digest: String,
}

impl ChallengeClaim<'_> {
    /// The digest by which the database knows the password.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

impl Drop for ChallengeClaim<'_> {
    fn drop(&mut self) {
        self.cache.claimed.lock().remove(&self.digest);
    }
}

/// The time so long before `now`, at the earliest 1970.
fn ago(now: SystemTime, age: Duration) -> Moment {
    now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH).into()
}

/// The times at which a password was made by the CA or given by its owner, and used.
type Times = (Option<Moment>, Option<Moment>, Option<Moment>);

/// The times of a password; `None` if it is unknown.
fn times_of(connection: &Connection, digest: &str) -> Result<Option<Times>, QueryError> {
    let query = "SELECT made_at, given_at, used_at FROM challenge WHERE sha256 = ?";
    rows::first(connection, query, [digest], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

fn forget_before(connection: &Connection, time: Moment) -> Result<(), QueryError> {
    let query = "DELETE FROM challenge WHERE made_at < ?";
    connection.prepare_cached(query)?.execute([time])?;
    Ok(())
}

/// The number of passwords that were made since then and are unused.
fn unused_since(connection: &Connection, time: Moment) -> Result<usize, QueryError> {
    let query = "SELECT count(*) FROM challenge WHERE made_at >= ? AND used_at IS NULL";
    let count: u32 = connection.prepare_cached(query)?.query_row([time], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
