//! Trying again until something holds or the time is over.

use std::time::Duration;

use tokio::time::Instant;

/// What was seen while waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waited<T> {
    /// What the first try yielded, where there was more than one.
    pub(super) first: Option<T>,
    /// What the last try yielded.
    pub(super) last: T,
    /// How often it was tried.
    pub(super) tries: usize,
    /// How long it took.
    pub(super) elapsed: Duration,
}

/// The longest pause between two tries.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// Tries at once, then again after each pause, until it is done or `within` is over; a pause takes at most what it is given.
///
/// There is one more try when the time is over, so that nothing is missed in the last pause.
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
    while !is_done(&last) && start.elapsed() < within {
        pause(PAUSE.min(within.saturating_sub(start.elapsed()))).await;
        // A device that says at once that it changed must not keep others from their turn.
        tokio::task::yield_now().await;
        let before = std::mem::replace(&mut last, attempt().await?);
        first.get_or_insert(before);
        tries += 1;
    }
    Ok(Waited { first, last, tries, elapsed: start.elapsed() })
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
    async fn what_holds_at_once_is_not_waited_for() {
        let waited = count_to(1, Duration::from_secs(20)).await;
        assert_eq!((waited.tries, waited.elapsed, waited.first), (1, Duration::ZERO, None));
    }

    #[tokio::test(start_paused = true)]
    async fn zero_tries_once() {
        assert_eq!(count_to(0, Duration::ZERO).await.tries, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_holds_is_tried_until_the_time_is_over() {
        let waited = count_to(0, Duration::from_secs(20)).await;
        assert_eq!((waited.tries, waited.first), (81, Some(1)));
        assert!(waited.elapsed >= Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_it_holds() {
        let waited = count_to(5, Duration::from_secs(20)).await;
        assert_eq!((waited.tries, waited.elapsed), (5, Duration::from_secs(1)));
    }
}
