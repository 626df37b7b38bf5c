//! What SCEP did, one line an event: short enough to keep, and free of secrets.

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
