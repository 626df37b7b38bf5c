//! Lines for stdout that nobody waits for.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How many lines may wait; a reader that is further behind misses some.
const WAITING_LIMIT: usize = 4096;

/// A bounded queue with a thread of its own, which alone waits for the reader.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<String>,
    /// Lines that found no room since the last one that did.
    missed: usize,
    /// Whether a line was taken that is not written yet.
    writing: bool,
}

impl Queue {
    /// A queue whose lines are given to `write`, one by one.
    pub(super) fn new(write: impl Fn(&str) + Send + 'static) -> Arc<Self> {
        let queue = Arc::new(Self { state: Mutex::default(), changed: Condvar::new() });
        let lines = Arc::clone(&queue);
        thread::spawn(move || {
            loop {
                write(&lines.take());
            }
        });
        queue
    }

    /// Adds a line, or counts it where there is no room.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.state();
        // One place is for the words that lines are missing.
        if state.waiting.len() + 1 >= WAITING_LIMIT {
            state.missed += 1;
            return;
        }
        state.tell_missed();
        state.waiting.push_back(line.to_owned());
        self.changed.notify_all();
    }

    /// Waits until all is written, but no longer than that.
    pub(super) fn flush(&self, longest: Duration) {
        let mut state = self.state();
        state.tell_missed();
        self.changed.notify_all();
        let is_busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        drop(self.changed.wait_timeout_while(state, longest, is_busy));
    }

    /// The next line; the one before it is written.
    fn take(&self) -> String {
        let mut state = self.state();
        state.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.writing = true;
                return line;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell_missed(&mut self) {
        match std::mem::take(&mut self.missed) {
            0 => {}
            missed => self.waiting.push_back(format!("[{missed} lines were not read in time]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_reader_that_stops_keeps_nobody_waiting_and_learns_what_it_missed() {
        let (go_on, gate) = channel::<()>();
        let (taking, taken) = channel();
        let (sender, written) = channel();
        let queue = Queue::new(move |line| {
            let _ = taking.send(());
            let _ = gate.recv();
            let _ = sender.send(line.to_owned());
        });
        queue.push("0");
        // From here on the reader holds one line and takes no other, so that only the first ones find room.
        taken.recv().expect("the first line is taken");
        for number in 1..2 * WAITING_LIMIT {
            queue.push(&number.to_string());
        }
        queue.flush(Duration::from_millis(10));
        drop(go_on);
        queue.flush(Duration::from_secs(120));
        let lines: Vec<String> = written.try_iter().collect();
        // Beside those that wait: the one that is being written, and the one that tells of the others.
        assert!(lines.len() <= WAITING_LIMIT + 2, "{}", lines.len());
        let kept = lines.len() - 1;
        assert!(lines[..kept].iter().enumerate().all(|(index, line)| *line == index.to_string()));
        let missed = 2 * WAITING_LIMIT - kept;
        assert_eq!(lines[kept], format!("[{missed} lines were not read in time]"));
    }
}
