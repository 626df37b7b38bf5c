//! The requests that have no answer yet.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::mpsc;
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
    waiting: HashMap<u64, (Instant, mpsc::UnboundedSender<Event>)>,
}

/// What comes of a request.
pub(super) enum Event {
    /// Its command printed this line.
    Line(String),
    /// Nothing comes after its answer.
    Answer(Answer),
}

impl Pending {
    /// Enters a request: its number, and what will come of it; the end of the channel is that of the connection.
    pub(super) fn add(&self) -> (u64, mpsc::UnboundedReceiver<Event>) {
        let mut state = self.0.lock();
        state.last_id += 1;
        let id = state.last_id;
        let (sender, events) = mpsc::unbounded_channel();
        if !state.ended {
            state.waiting.insert(id, (Instant::now(), sender));
        }
        (id, events)
    }

    /// Hands over an answer; one that nobody waits for any more is passed over.
    pub(super) fn answer(&self, id: u64, answer: Answer) {
        if let Some((_, events)) = self.0.lock().waiting.remove(&id) {
            let _ = events.send(Event::Answer(answer));
        }
    }

    /// Hands over a line that a command printed.
    pub(super) fn show(&self, id: u64, line: String) {
        if let Some((_, events)) = self.0.lock().waiting.get(&id) {
            let _ = events.send(Event::Line(line));
        }
    }

    /// Whether the request of that number was still without answer; it is not from here on.
    pub(super) fn give_up(&self, id: u64) -> bool {
        self.0.lock().waiting.remove(&id).is_some()
    }

    /// Lets nobody wait any more, now or later.
    pub(super) fn end(&self) {
        let mut state = self.0.lock();
        state.ended = true;
        state.waiting.clear();
    }

    /// Since when anything is waited for.
    pub(super) fn since(&self) -> Option<Instant> {
        self.0.lock().waiting.values().map(|(since, _)| *since).min()
    }
}
