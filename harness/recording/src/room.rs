//! The room for exchanges that wait for the disk.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// The number of exchanges that may wait for the disk. Streams with a further one wait, so that memory is bounded.
pub(crate) const MOST_WAITING: usize = 16;

/// Counts the exchanges that wait for the disk.
#[derive(Debug, Default)]
pub(crate) struct Room {
    waiting: Mutex<Count>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Count {
    waiting: usize,
    /// True once nothing is written any more.
    is_closed: bool,
}

impl Room {
    /// True if a further exchange may wait.
    pub(crate) fn is_free(&self) -> bool {
        self.waiting.lock().is_free()
    }

    /// Waits until a further exchange may wait; not for a thread that does anything else.
    pub(crate) fn wait(&self) {
        let mut count = self.waiting.lock();
        while !count.is_free() {
            self.freed.wait(&mut count);
        }
    }

    /// Counts an exchange that waits.
    pub(crate) fn enter(&self) {
        self.waiting.lock().waiting += 1;
    }

    /// Counts an exchange that is written.
    pub(crate) fn leave(&self) {
        let mut count = self.waiting.lock();
        count.waiting = count.waiting.saturating_sub(1);
        self.freed.notify_all();
    }
}

impl Count {
    fn is_free(&self) -> bool {
        self.is_closed || self.waiting < MOST_WAITING
    }
}

/// The writer of what waits. When it is dropped, even by a panic, nobody waits for room any more.
pub(crate) struct Emptying(pub(crate) Arc<Room>);

impl Drop for Emptying {
    fn drop(&mut self) {
        self.0.waiting.lock().is_closed = true;
        self.0.freed.notify_all();
    }
}
