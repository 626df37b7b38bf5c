//! Requests without an answer yet.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Answer;

/// Requests without an answer yet, by their numbers.
#[derive(Default)]
pub(super) struct Pending(Mutex<State>);

#[derive(Default)]
struct State {
    last_id: u64,
    /// True once the connection has ended.
    ended: bool,
    waiting: HashMap<u64, (Instant, mpsc::UnboundedSender<Event>)>,
}

/// Event of a request.
pub(super) enum Event {
    /// The command printed this line.
    Line(String),
    /// The answer, which is the last event.
    Answer(Answer),
}

impl Pending {
    /// Adds a request; returns its number and its events. The channel closes when the connection ends.
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

    /// Delivers an answer; the answer to a cancelled request is dropped.
    pub(super) fn answer(&self, id: u64, answer: Answer) {
        if let Some((_, events)) = self.0.lock().waiting.remove(&id) {
            let _ = events.send(Event::Answer(answer));
        }
    }

    /// Delivers a line that a command printed.
    pub(super) fn show(&self, id: u64, line: String) {
        if let Some((_, events)) = self.0.lock().waiting.get(&id) {
            let _ = events.send(Event::Line(line));
        }
    }

    /// Removes the request of that number; returns true if it had no answer yet.
    pub(super) fn give_up(&self, id: u64) -> bool {
        self.0.lock().waiting.remove(&id).is_some()
    }

    /// Ends all requests, including later ones.
    pub(super) fn end(&self) {
        let mut state = self.0.lock();
        state.ended = true;
        state.waiting.clear();
    }

    /// Start time of the oldest request.
    pub(super) fn since(&self) -> Option<Instant> {
        self.0.lock().waiting.values().map(|(since, _)| *since).min()
    }
}
