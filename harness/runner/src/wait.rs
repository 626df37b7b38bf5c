//! Repeats a try until it succeeds or the time has expired.

use std::time::Duration;

use testbed::lab_time;
use tokio::time::Instant;

/// Results of the tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waited<T> {
    /// Result of the first try, if there was more than one.
    pub(super) first: Option<T>,
    /// Result of the last try.
    pub(super) last: T,
    /// Number of tries.
    pub(super) tries: usize,
    /// Elapsed time.
    pub(super) elapsed: Duration,
}

/// The longest pause between two tries.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// In a lab with a time of its own, a pause may be as long as this part of the time that was waited already: waiting for a day costs a
/// thousand tries, and not hundreds of thousands.
const PART: u32 = 100;

/// The most tries at one moment of a lab's time: the device changes without a pause, and the time would never expire.
const MOST_AT_ONCE: usize = 10_000;

/// Tries at once, then again after each pause, until `is_done` or until `within` has expired. `pause` gets the longest time
/// that it may take.
///
/// There is one more try after the time has expired, so that a change in the last pause is not missed.
pub(super) async fn wait<T, E, A, P>(
    within: Duration,
    mut attempt: impl FnMut() -> A,
    mut pause: impl FnMut(Duration) -> P,
    is_done: impl Fn(&T) -> bool,
) -> Result<Waited<T>, E>
where
    A: Future<Output = Result<T, E>>,
    P: Future<Output = ()>,
{
    let start = Instant::now();
    let mut last = attempt().await?;
    let mut first = None;
    let mut tries = 1;
    let mut at_once = (start, 0);
    while !is_done(&last) && start.elapsed() < within && at_once.1 < MOST_AT_ONCE {
        let waited = start.elapsed();
        pause(longest_pause(waited).min(within.saturating_sub(waited))).await;
        // A device that reports a change at once must not block other tasks.
        tokio::task::yield_now().await;
        let before = std::mem::replace(&mut last, attempt().await?);
        first.get_or_insert(before);
        tries += 1;
        let now = Instant::now();
        at_once = (now, if at_once.0 == now { at_once.1 + 1 } else { 0 });
    }
    Ok(Waited { first, last, tries, elapsed: start.elapsed() })
}

fn longest_pause(waited: Duration) -> Duration {
    if lab_time::is_here() { PAUSE.max(waited / PART) } else { PAUSE }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn count_to(goal: usize, within: Duration) -> Waited<usize> {
        let mut count = 0;
        let attempt = || {
            count += 1;
            std::future::ready(Ok::<_, ()>(count))
        };
        wait(within, attempt, tokio::time::sleep, |count| *count == goal).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn success_at_the_first_try_does_not_wait() {
        let waited = count_to(1, Duration::from_secs(20)).await;
        assert_eq!((waited.tries, waited.elapsed, waited.first), (1, Duration::ZERO, None));
    }

    #[tokio::test(start_paused = true)]
    async fn zero_time_limit_tries_once() {
        assert_eq!(count_to(0, Duration::ZERO).await.tries, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn failing_try_is_repeated_until_the_time_expires() {
        let waited = count_to(0, Duration::from_secs(20)).await;
        assert_eq!((waited.tries, waited.first), (81, Some(1)));
        assert!(waited.elapsed >= Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn tries_without_a_pause_end() {
        let attempt = || std::future::ready(Ok::<_, ()>(()));
        let pause = |_| std::future::ready(());
        let waited = wait(Duration::from_secs(20), attempt, pause, |()| false).await.unwrap();
        assert_eq!((waited.tries, waited.elapsed), (MOST_AT_ONCE + 1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_the_first_success() {
        let waited = count_to(5, Duration::from_secs(20)).await;
        assert_eq!((waited.tries, waited.elapsed), (5, Duration::from_secs(1)));
    }
}
