//! Trying again until something holds or the time is over.

use std::time::Duration;

use async_trait::async_trait;
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

/// Something that is tried until it yields what is expected.
#[async_trait]
pub(super) trait Attempt: Send {
    /// What one try yields.
    type Yield: Send;
    /// Why trying again is of no use.
    type Error: Send;

    /// Tries once.
    async fn attempt(&mut self) -> Result<Self::Yield, Self::Error>;

    /// Waits until another try may yield something else, at most `longest`.
    async fn pause(&mut self, longest: Duration);

    /// Whether this is what is expected.
    fn is_done(&self, yielded: &Self::Yield) -> bool;
}

/// Tries at once, then again after each pause, until it is done or `within` is over.
///
/// There is one more try when the time is over, so that nothing is missed in the last pause.
pub(super) async fn wait<A: Attempt>(
    mut it: A,
    within: Duration,
) -> Result<Waited<A::Yield>, A::Error> {
    let start = Instant::now();
    let mut last = it.attempt().await?;
    let mut first = None;
    let mut tries = 1;
    while !it.is_done(&last) && start.elapsed() < within {
        it.pause(PAUSE.min(within.saturating_sub(start.elapsed()))).await;
        // A device that says at once that it changed must not keep others from their turn.
        tokio::task::yield_now().await;
        let next = it.attempt().await?;
        let before = std::mem::replace(&mut last, next);
        first.get_or_insert(before);
        tries += 1;
    }
    Ok(Waited { first, last, tries, elapsed: start.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct CountTo {
        goal: usize,
        count: usize,
    }

    #[async_trait]
    impl Attempt for CountTo {
        type Yield = usize;
        type Error = ();

        async fn attempt(&mut self) -> Result<usize, ()> {
            self.count += 1;
            Ok(self.count)
        }

        async fn pause(&mut self, longest: Duration) {
            tokio::time::sleep(longest).await;
        }

        fn is_done(&self, yielded: &usize) -> bool {
            *yielded == self.goal
        }
    }

    async fn count_to(goal: usize, within: Duration) -> Waited<usize> {
        wait(CountTo { goal, count: 0 }, within).await.unwrap()
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
