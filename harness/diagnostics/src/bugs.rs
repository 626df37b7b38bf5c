//! Bugs of this program that were noticed in this process: a panic in any of its tasks, whoever waits for the task.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

static NOTICED: Mutex<Noticed> = Mutex::new(Noticed { bugs: Vec::new(), waiting: Vec::new() });

struct Noticed {
    bugs: Vec<String>,
    /// The tasks that wait for the first bug.
    waiting: Vec<Waker>,
}

/// Records a bug: where it is, and what was noticed.
pub fn record(bug: String) {
    let waiting = {
        let mut state = state();
        state.bugs.push(bug);
        std::mem::take(&mut state.waiting)
    };
    waiting.into_iter().for_each(Waker::wake);
}

/// The bugs noticed so far, oldest first.
pub fn noticed() -> Vec<String> {
    state().bugs.clone()
}

/// Waits for the first bug of this process.
pub async fn first() -> String {
    poll_fn(|context| {
        let mut state = state();
        if let Some(first) = state.bugs.first() {
            return Poll::Ready(first.clone());
        }
        if !state.waiting.iter().any(|known| known.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    })
    .await
}

fn state() -> MutexGuard<'static, Noticed> {
    // A panic elsewhere does not make the list invalid.
    NOTICED.lock().unwrap_or_else(PoisonError::into_inner)
}
