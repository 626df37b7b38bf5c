//! The requests that have no answer yet.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Answer;

/// The requests that have no answer yet, by their numbers.
#[derive(Default)]
pub(super) struct Pending(Mutex<State>);

#[derive(Default)]
struct State {
    last_id: u64,
    /// Nothing is waited for any more.
    ended: bool,
    waiting: HashMap<u64, Waiting>,
}

struct Waiting {
    since: Instant,
    answer: oneshot::Sender<Answer>,
    screen: mpsc::UnboundedSender<String>,
}

/// What comes of one request; the ends of both channels are the end of the connection.
pub(super) struct Coming {
    pub(super) id: u64,
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) screen: mpsc::UnboundedReceiver<String>,
}

impl Pending {
    /// Enters a request.
    pub(super) fn add(&self) -> Coming {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let (answer, coming) = oneshot::channel();
        let (screen, shown) = mpsc::unbounded_channel();
        if !state.ended {
            let since = Instant::now();
            state.waiting.insert(id, Waiting { since, answer, screen });
        }
        Coming { id, answer: coming, screen: shown }
    }

    /// Hands over an answer; one that nobody waits for any more is passed over.
    pub(super) fn answer(&self, id: u64, answer: Answer) {
        let waiting = self.state().waiting.remove(&id);
        if let Some(waiting) = waiting {
            let _ = waiting.answer.send(answer);
        }
    }

    /// Hands over a line that a command printed.
    pub(super) fn show(&self, id: u64, line: String) {
        if let Some(waiting) = self.state().waiting.get(&id) {
            let _ = waiting.screen.send(line);
        }
    }

    /// Whether the request of that number was still without answer; it is not from here on.
    pub(super) fn give_up(&self, id: u64) -> bool {
        self.state().waiting.remove(&id).is_some()
    }

    /// Lets nobody wait any more, now or later.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.waiting.clear();
    }

    /// Since when anything is waited for.
    pub(super) fn since(&self) -> Option<Instant> {
        self.state().waiting.values().map(|waiting| waiting.since).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}
