use super::*;
use crate::personality::PersonalityName;

const MINUTE: Duration = Duration::from_secs(60);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 60 * 24 * 60 * MINUTE
}

fn cache(preset: &[&str]) -> PasswordCache {
    let preset = preset.iter().map(|text| Secret::new(*text)).collect();
    let database = Arc::new(Database::in_memory(PersonalityName::Ndes, 1 << 20, now()).unwrap());
    PasswordCache::open(&ChallengePolicy::one_time(preset), database, now()).unwrap()
}

/// Uses a password, as a change in the store does.
fn take(cache: &PasswordCache, password: &Secret, now: SystemTime) -> Result<(), Refusal> {
    let claim = cache.claim(password, now)?;
    let (digest, used) = (claim.digest().to_owned(), Moment::from(now));
    let query = "UPDATE challenge SET used_at = ? WHERE sha256 = ?";
    let change = move |connection: &Connection| Ok(connection.execute(query, (used, digest))?);
    assert_eq!(cache.database.write(change).unwrap(), 1);
    Ok(())
}

#[test]
fn password_has_sixteen_upper_case_digits() {
    let password = cache(&[]).make(now()).unwrap();
    let text = password.expose();
    assert_eq!(text.len(), 16);
    assert!(text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{text}");
}

#[test]
fn password_is_used_up_by_success_alone() {
    let cache = cache(&["8CE3"]);
    let password = Secret::new("8CE3");
    let claim = cache.claim(&password, now()).unwrap();
    assert!(matches!(cache.claim(&password, now()), Err(Refusal::ChallengeUsed)));
    drop(claim);
    take(&cache, &password, now()).unwrap();
    assert!(matches!(cache.claim(&password, now()), Err(Refusal::ChallengeUsed)));
    let other = Secret::new("8CE4");
    assert!(matches!(cache.claim(&other, now()), Err(Refusal::WrongChallenge)));
}

#[test]
fn new_passwords_expire_and_preset_ones_do_not() {
    let cache = cache(&["preset"]);
    let made = cache.make(now()).unwrap();
    drop(cache.claim(&made, now() + 60 * MINUTE).unwrap());
    let late = now() + 61 * MINUTE;
    assert!(matches!(cache.claim(&made, late), Err(Refusal::ChallengeExpired)));
    assert!(cache.claim(&Secret::new("preset"), late).is_ok());
}

#[test]
fn at_most_five_passwords_are_unused() {
    let cache = cache(&["preset"]);
    let first = cache.make(now()).unwrap();
    (0..4).for_each(|_| drop(cache.make(now()).unwrap()));
    assert!(matches!(cache.make(now()), Err(ChallengeUnavailable::CacheFull(5))));
    take(&cache, &first, now()).unwrap();
    cache.make(now()).unwrap();
    assert!(cache.make(now()).is_err());
    cache.make(now() + 61 * MINUTE).unwrap();
}

#[test]
fn password_is_forgotten_a_day_after_it_expired() {
    let cache = cache(&[]);
    let made = cache.make(now()).unwrap();
    let expired = now() + 61 * MINUTE;
    cache.make(expired + 23 * 60 * MINUTE).unwrap();
    assert!(matches!(cache.claim(&made, expired), Err(Refusal::ChallengeExpired)));
    cache.make(expired + 24 * 60 * MINUTE).unwrap();
    assert!(matches!(cache.claim(&made, expired), Err(Refusal::WrongChallenge)));
}

#[test]
fn database_has_no_password_in_the_clear() {
    let cache = cache(&["8CE317021F690069"]);
    let query = "SELECT sha256 FROM challenge";
    let kept = cache
        .database
        .read(|connection| Ok(connection.query_row(query, [], |row| row.get::<_, String>(0))?));
    // printf 8CE317021F690069 | sha256sum
    let expected = "9718bbfef177a3b9943670e6fe001327dfc256c73764aa98776de2972b797587";
    assert_eq!(kept.unwrap(), expected);
}

#[test]
fn error_without_random_bytes_says_its_cause_once() {
    let error = ChallengeUnavailable::from(ErrorStack::get());
    assert!(error.to_string().starts_with("OpenSSL: "));
    assert!(std::error::Error::source(&error).is_none());
}
