//! The clock that tells the time, and times in words.
//!
//! Only this file reads the clock of the system. Everything else is given a [`Clock`], so that a lab can have a time of its own, or
//! measures with a [`Stopwatch`], which no change of a clock moves.

mod text;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use openssl::asn1::{Asn1Time, Asn1TimeRef};

pub use self::text::{
    BadDuration, BadMoment, duration, duration_text, meant_duration, meant_moment, moment,
    moment_text, parse_offset,
};
use crate::Error;

/// The last second that a certificate can name: the end of the year 9999 (RFC 5280 §4.1.2.5), after 1970, in seconds.
const LAST_SECOND: u64 = 253_402_300_799;

/// The first moment that a [`Clock`] can show: the beginning of 1970.
pub const FIRST_MOMENT: SystemTime = UNIX_EPOCH;

/// The last moment that a [`Clock`] can show: the last second of the year 9999 (RFC 5280 §4.1.2.5).
pub fn last_moment() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(LAST_SECOND)
}

/// The moment, or the nearest one that a certificate and a [`Clock`] can name: those of the years 1970 to 9999.
pub fn within_range(moment: SystemTime) -> SystemTime {
    moment.clamp(FIRST_MOMENT, last_moment())
}

/// The moment so long after another one; the last moment of all if it is beyond that.
pub fn later(moment: SystemTime, by: Duration) -> SystemTime {
    moment.checked_add(by).map_or_else(last_moment, within_range)
}

/// A clock: it shows the time of the system or of a lab, with an offset of its own. Clones are the same clock.
///
/// Shown times are in the years 1970 to 9999. A change of a clock moves no time-out, because none is measured with a [`Clock`].
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// The time by which it is ahead of its source, in milliseconds.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The clock of the system.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the system's clock"
    )]
    pub fn system() -> Self {
        Self::reading(SystemTime::now)
    }

    /// A clock that shows the time of `source`.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// use scep::clock::Clock;
    ///
    /// let clock = Clock::reading(|| UNIX_EPOCH + Duration::from_secs(60));
    /// assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(60));
    /// ```
    pub fn reading(source: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(source), ahead: Arc::default() }
    }

    /// The time that it shows.
    pub fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::SeqCst);
        let by = Duration::from_millis(ahead.unsigned_abs());
        let source = (self.source)();
        let shown = if ahead < 0 { source.checked_sub(by) } else { source.checked_add(by) };
        shown.map_or(if ahead < 0 { FIRST_MOMENT } else { last_moment() }, within_range)
    }

    /// The time by which it is ahead of the clock of the system, in milliseconds; negative if it is behind.
    pub fn ahead_of_system_ms(&self) -> i64 {
        let (own, system) = (self.now(), Self::system().now());
        let milliseconds = |it: Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
        match own.duration_since(system) {
            Ok(ahead) => milliseconds(ahead),
            Err(behind) => -milliseconds(behind.duration()),
        }
    }

    /// Another clock, which is ahead of this one by so many milliseconds, or behind if the number is negative. It follows each move of
    /// this one, and can be moved alone.
    #[must_use]
    pub fn ahead_by(&self, milliseconds: i64) -> Self {
        let source = self.clone();
        Self { ahead: Arc::new(milliseconds.into()), ..Self::reading(move || source.now()) }
    }

    /// Sets it to this moment, forward or backward; clocks that this one follows stay as they are. It shows this moment or at most a
    /// millisecond more, never less: a clock that was set to half past shows no minute before it.
    pub fn set(&self, to: SystemTime) {
        let (to, source) = (within_range(to), (self.source)());
        let ahead = match to.duration_since(source) {
            Ok(ahead) => i64::try_from(ahead.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX),
            Err(behind) => {
                i64::try_from(behind.duration().as_millis()).map_or(i64::MIN, |behind| -behind)
            }
        };
        self.ahead.store(ahead, Ordering::SeqCst);
    }

    /// Moves it forward.
    ///
    /// # Errors
    /// If it would show a time after the year 9999; then it has not moved.
    pub fn advance(&self, by: Duration) -> Result<SystemTime, BeyondRange> {
        let goal = self.now().checked_add(by).filter(|goal| *goal <= last_moment());
        let by = i64::try_from(by.as_millis()).ok();
        let (Some(goal), Some(by)) = (goal, by) else { return Err(BeyondRange) };
        self.ahead.fetch_add(by, Ordering::SeqCst);
        Ok(goal)
    }
}

/// The error for a clock that would show a time after the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock would go beyond the year 9999, which no certificate can name (RFC 5280 §4.1.2.5)"
)]
pub struct BeyondRange;

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&moment_text(self.now())).finish()
    }
}

/// Measures real time from its start, which no change of a clock and no time of a lab moves.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that measures real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time as OpenSSL writes it: `Nov 29 10:34:22 2026 GMT`.
pub fn written(time: SystemTime) -> String {
    asn1_time(time).map_or_else(|_| "a time out of range".to_owned(), |time| time.to_string())
}

/// The time as OpenSSL has it.
///
/// # Errors
/// If the time is not in the years 1970 to 9999, or OpenSSL is out of memory.
pub fn asn1_time(time: SystemTime) -> Result<Asn1Time, Error> {
    const OUT_OF_RANGE: Error = Error::Misuse("the time is out of range");
    if time > last_moment() {
        return Err(OUT_OF_RANGE);
    }
    let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| OUT_OF_RANGE)?;
    let seconds = since_epoch.as_secs().try_into().map_err(|_| OUT_OF_RANGE)?;
    Ok(Asn1Time::from_unix(seconds)?)
}

/// A time that OpenSSL has; the nearest one that a [`Clock`] can show, if it is in another year.
///
/// # Errors
/// If it cannot be read.
pub fn system_time(time: &Asn1TimeRef) -> Result<SystemTime, Error> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    let since = u64::try_from(seconds).map(Duration::from_secs);
    Ok(since.map_or(FIRST_MOMENT, |since| later(UNIX_EPOCH, since)))
}

/// The time between two times, in its two largest units: `1 h`, `2 days 3 h`, `45 s`.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(scep::clock::apart(Duration::from_secs(3_600)), "1 h");
/// assert_eq!(scep::clock::apart(Duration::from_secs(90_061)), "1 day 1 h");
/// assert_eq!(scep::clock::apart(Duration::ZERO), "0 s");
/// ```
pub fn apart(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let days = seconds / 86_400;
    let units = [
        (days, if days == 1 { "day" } else { "days" }),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let largest = units.iter().skip_while(|(count, _)| *count == 0).take(2);
    let words: Vec<_> = largest
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn clones_move_together_and_a_skewed_clock_follows() {
        let clock = Clock::reading(|| at(1_000_000));
        let (clone, behind) = (clock.clone(), clock.ahead_by(-DAY_MS));
        assert_eq!(clock.advance(Duration::from_secs(60)), Ok(at(1_000_060)));
        assert_eq!(clone.now(), at(1_000_060));
        assert_eq!(behind.now(), at(1_000_060 - 86_400));
        behind.advance(Duration::from_secs(1)).unwrap();
        assert_eq!(behind.now(), at(1_000_061 - 86_400));
        assert_eq!(clock.now(), at(1_000_060));
    }

    #[test]
    fn clock_that_is_set_between_two_milliseconds_does_not_show_less() {
        let source = at(1_000_000) + Duration::from_micros(1_300);
        for moment in [at(5), at(1_000_000), at(1_000_001), at(2_000_000)] {
            let clock = Clock::reading(move || source);
            clock.set(moment);
            let beyond = clock.now().duration_since(moment).expect("not before it");
            assert!(beyond < Duration::from_millis(1), "{beyond:?}");
        }
    }

    #[test]
    fn clock_is_set_forward_and_backward_without_its_source() {
        let clock = Clock::reading(|| at(1_000_000));
        let own = clock.ahead_by(DAY_MS);
        for moment in [at(5), at(2_000_000), at(1_000_000), last_moment(), FIRST_MOMENT] {
            own.set(moment);
            assert_eq!((own.now(), clock.now()), (moment, at(1_000_000)));
        }
    }

    #[test]
    fn clocks_stay_in_the_years_that_certificates_have() {
        let clock = Clock::reading(|| at(1_000));
        assert_eq!(clock.ahead_by(-DAY_MS).now(), FIRST_MOMENT);
        assert_eq!(clock.ahead_by(i64::MAX).now(), last_moment());
        assert_eq!(clock.ahead_by(i64::MIN).now(), FIRST_MOMENT);
        assert_eq!(clock.advance(Duration::from_secs(LAST_SECOND)), Err(BeyondRange));
        assert_eq!(clock.advance(Duration::MAX), Err(BeyondRange));
        assert_eq!(clock.now(), at(1_000));
        assert_eq!(later(at(0), Duration::MAX), last_moment());
        assert_eq!(moment_text(last_moment()), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_time_after_the_last_is_no_time_of_a_certificate() {
        assert!(asn1_time(last_moment()).is_ok());
        assert!(asn1_time(last_moment() + Duration::from_secs(1)).is_err());
    }
}
