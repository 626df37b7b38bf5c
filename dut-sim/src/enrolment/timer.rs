//! The pauses of a device: they pass with time, and end early if the device's time is moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The pauses of all tasks of a device.
pub(crate) struct Timer {
    begun: Instant,
    /// The time by which it was moved, in all.
    moved: watch::Sender<Duration>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of tasks that have not ended.
    tasks: usize,
    next_number: u64,
    /// The tasks that rest, each with the time on this timer at which it goes on by itself.
    resting: BTreeMap<u64, Option<Duration>>,
}

/// What the tasks of a device are about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// True if one of them does not rest.
    pub is_busy: bool,
    /// The time until the first of them goes on; `None` if none does by itself.
    pub next_due: Option<Duration>,
}

impl Default for Timer {
    fn default() -> Self {
        Self { begun: Instant::now(), moved: watch::Sender::default(), state: Mutex::default() }
    }
}

impl Timer {
    /// Counts a task until the guard is dropped.
    pub(crate) fn task(self: &Arc<Self>) -> CountedTask {
        self.state.lock().tasks += 1;
        CountedTask(Arc::clone(self))
    }

    /// The time that it shows, which only goes forward.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed().saturating_add(*self.moved.borrow())
    }

    /// Rests so long; for ever without a length.
    pub(crate) async fn rest(&self, pause: Option<Duration>) {
        let due = pause.map(|pause| self.elapsed().saturating_add(pause));
        let mut moved = self.moved.subscribe();
        let _resting = Resting::enter(self, due);
        let Some(due) = due else { return std::future::pending().await };
        loop {
            let left = due.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = sleep(left) => {}
                // The sender is in `self`, so the channel is not closed.
                _ = moved.changed() => {}
            }
        }
    }

    /// Moves its time forward: what falls due by then goes on at once.
    pub(crate) fn advance(&self, by: Duration) {
        self.moved.send_modify(|moved| *moved = moved.saturating_add(by));
    }

    /// What its tasks are about to do.
    pub(crate) fn outlook(&self) -> Outlook {
        let (state, now) = (self.state.lock(), self.elapsed());
        let first = state.resting.values().flatten().min();
        let next_due = first.map(|due| due.saturating_sub(now));
        // One whose time has come is about to go on.
        let is_waking = next_due == Some(Duration::ZERO);
        Outlook { is_busy: is_waking || state.tasks > state.resting.len(), next_due }
    }
}

/// A task that has not ended.
pub(crate) struct CountedTask(Arc<Timer>);

impl Drop for CountedTask {
    fn drop(&mut self) {
        self.0.state.lock().tasks -= 1;
    }
}

/// A task that rests, until this is dropped.
struct Resting<'a> {
    timer: &'a Timer,
    number: u64,
}

impl<'a> Resting<'a> {
    fn enter(timer: &'a Timer, due: Option<Duration>) -> Self {
        let mut state = timer.state.lock();
        let number = state.next_number;
        state.next_number += 1;
        state.resting.insert(number, due);
        Self { timer, number }
    }
}

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.timer.state.lock().resting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn moved_timer_ends_the_pauses_that_fall_due() {
        let timer = Arc::new(Timer::default());
        let rest = |pause| {
            let timer = Arc::clone(&timer);
            let counted = timer.task();
            tokio::spawn(async move {
                timer.rest(pause).await;
                drop(counted);
            })
        };
        let (short, long, endless) = (rest(Some(HOUR)), rest(Some(3 * HOUR)), rest(None));
        assert!(timer.outlook().is_busy);
        tokio::task::yield_now().await;
        assert_eq!(timer.outlook(), Outlook { is_busy: false, next_due: Some(HOUR) });

        timer.advance(2 * HOUR);

        assert!(timer.outlook().is_busy);
        short.await.unwrap();
        assert_eq!(timer.outlook(), Outlook { is_busy: false, next_due: Some(HOUR) });
        assert!(!long.is_finished());
        long.await.unwrap();
        assert_eq!(timer.elapsed(), 3 * HOUR);
        assert_eq!(timer.outlook(), Outlook { is_busy: false, next_due: None });
        endless.abort();
        let _ = endless.await;
        assert_eq!(timer.outlook(), Outlook { is_busy: false, next_due: None });
    }
}
