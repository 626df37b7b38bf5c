//! Bytes that wait for the end of their message, within one limit for all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limit of a body; what is longer is left out.
pub(crate) const MOST_BODY_BYTES: usize = 8 << 20;

/// Limit of the bytes that wait in all connections of a recording.
const MOST_HELD_BYTES: usize = 128 << 20;

/// The bytes that all connections of a recording hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// A part of a budget, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: usize,
    budget: Budget,
}

/// Bytes of one body.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// The number of bytes that were left out.
    left_out: usize,
    room: Room,
}

impl Budget {
    fn left(&self) -> usize {
        MOST_HELD_BYTES.saturating_sub(self.0.load(Ordering::Relaxed))
    }
}

impl Room {
    /// No bytes yet, within that budget.
    pub(crate) fn within(budget: &Budget) -> Self {
        Self { bytes: 0, budget: budget.clone() }
    }

    /// Takes so many further bytes; false if there are fewer.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let is_there = bytes <= self.budget.left();
        if is_there {
            self.budget.0.fetch_add(bytes, Ordering::Relaxed);
            self.bytes += bytes;
        }
        is_there
    }

    /// Gives back all but so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.budget.0.fetch_sub(surplus, Ordering::Relaxed);
        self.bytes -= surplus;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

impl Held {
    /// No bytes yet, within that budget.
    pub(crate) fn within(budget: &Budget) -> Self {
        Self { bytes: Vec::new(), left_out: 0, room: Room::within(budget) }
    }

    /// Adds bytes, as far as there is room.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let own = MOST_BODY_BYTES.saturating_sub(self.bytes.len());
        let room = self.room.budget.left();
        let fits = bytes.len().min(own).min(room);
        // What comes after a gap is no part of the body any more.
        let kept = if self.left_out == 0 && self.room.grow(fits) { fits } else { 0 };
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.left_out += bytes.len() - kept;
    }

    /// The number of bytes that came.
    pub(crate) fn came(&self) -> usize {
        self.bytes.len() + self.left_out
    }

    /// The number of bytes that were left out.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// The bytes.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.room.shrink_to(0);
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_body_is_cut_and_its_room_is_given_back() {
        let budget = Budget::default();
        let mut held = Held::within(&budget);
        held.push(&vec![1; MOST_BODY_BYTES - 1]);
        held.push(&[2; 3]);
        held.push(&[3]);
        assert_eq!((held.came(), held.left_out()), (MOST_BODY_BYTES + 3, 3));
        assert_eq!(held.take().last(), Some(&2));
        drop(held);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn all_bodies_together_are_limited() {
        let budget = Budget::default();
        let mut all: Vec<Held> = (0..17).map(|_| Held::within(&budget)).collect();
        let piece = vec![0; MOST_BODY_BYTES];
        for held in &mut all {
            held.push(&piece);
        }
        assert_eq!(all[15].left_out(), 0);
        assert_eq!(all[16].left_out(), MOST_BODY_BYTES);
        all.remove(0);
        let mut next = Held::within(&budget);
        next.push(&piece);
        assert_eq!(next.left_out(), 0);
    }
}
