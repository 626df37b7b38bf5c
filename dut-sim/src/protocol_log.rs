//! What SCEP did, one line an event: short enough to keep, and free of secrets; and what a reader of a result must know of the
//! SCEP client, each said once.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// How many lines are kept; the oldest go first.
const CAPACITY: usize = 200;
/// The longest line, in characters: what a server says in words is its own choice.
const LINE_LIMIT: usize = 500;

/// The last events of every enrolment of a device.
#[derive(Debug, Default)]
pub(crate) struct ProtocolLog {
    lines: Mutex<VecDeque<String>>,
}

impl ProtocolLog {
    /// Adds a line.
    pub(crate) fn add(&self, line: &str) {
        let mut lines = self.lines.lock();
        if lines.len() == CAPACITY {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(LINE_LIMIT).collect());
    }

    /// The lines, the newest last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

/// The notes of a device: options its client lacks, and what it does instead.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    lines: Mutex<Vec<String>>,
}

impl Notes {
    /// Adds a note, unless it is there; whether it was not.
    pub(crate) fn add(&self, note: &str) -> bool {
        let mut lines = self.lines.lock();
        let is_new = !lines.iter().any(|line| line == note);
        if is_new {
            lines.push(note.to_owned());
        }
        is_new
    }

    /// The notes, in the order they were made.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_lines() {
        let log = ProtocolLog::default();
        for number in 0..CAPACITY + 3 {
            log.add(&format!("line {number}"));
        }
        log.add(&"x".repeat(LINE_LIMIT * 2));
        let lines = log.lines();
        assert_eq!(lines.len(), CAPACITY);
        assert_eq!(lines[0], "line 4");
        assert_eq!(lines[CAPACITY - 1].len(), LINE_LIMIT);
    }
}
