//! Log of SCEP events, one line each, of bounded size; and notes on the SCEP client for the reader of a result.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;

/// Maximum number of lines; the oldest are dropped.
const CAPACITY: usize = 200;
/// Maximum length of a line, in characters, because texts of a server may be long.
const LINE_LIMIT: usize = 500;

/// The last events of all enrolments of a device.
#[derive(Debug, Default)]
pub(crate) struct ProtocolLog {
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// Each line with the time of the device's clock.
    newest: VecDeque<(SystemTime, String)>,
    /// Number of all lines that were ever added.
    added: u64,
}

impl ProtocolLog {
    /// Adds a line of this moment.
    pub(crate) fn add(&self, line: &str, now: SystemTime) {
        let mut lines = self.lines.lock();
        if lines.newest.len() == CAPACITY {
            lines.newest.pop_front();
        }
        lines.newest.push_back((now, line.chars().take(LINE_LIMIT).collect()));
        lines.added += 1;
    }

    /// The lines, the newest last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().newest.iter().map(|(_, line)| line.clone()).collect()
    }

    /// The lines with the times at which they were added, the newest last.
    pub(crate) fn lines_with_times(&self) -> Vec<(SystemTime, String)> {
        self.lines.lock().newest.iter().cloned().collect()
    }

    /// The number of all lines that were ever added, and those that followed the first `seen` of them, as far as they are kept.
    pub(crate) fn lines_after(&self, seen: u64) -> (u64, Vec<String>) {
        let lines = self.lines.lock();
        let new = usize::try_from(lines.added.saturating_sub(seen)).unwrap_or(usize::MAX);
        let skipped = lines.newest.len().saturating_sub(new);
        let new = lines.newest.iter().skip(skipped).map(|(_, line)| line.clone());
        (lines.added, new.collect())
    }
}

/// Notes of a device about its client, each once: options that it lacks and what it does instead, or what it cannot do.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    lines: Mutex<Vec<String>>,
}

impl Notes {
    /// Adds a note; returns false if it was added before.
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
    fn newest_lines_are_kept() {
        let log = ProtocolLog::default();
        for number in 0..CAPACITY + 3 {
            log.add(&format!("line {number}"), SystemTime::UNIX_EPOCH);
        }
        log.add(&"x".repeat(LINE_LIMIT * 2), SystemTime::UNIX_EPOCH);
        let lines = log.lines();
        assert_eq!(lines.len(), CAPACITY);
        assert_eq!(lines[0], "line 4");
        assert_eq!(lines[CAPACITY - 1].len(), LINE_LIMIT);
    }

    #[test]
    fn lines_after_those_that_were_seen_are_new() {
        let log = ProtocolLog::default();
        assert_eq!(log.lines_after(0), (0, Vec::new()));
        log.add("one", SystemTime::UNIX_EPOCH);
        log.add("two", SystemTime::UNIX_EPOCH);
        assert_eq!(log.lines_after(1), (2, vec!["two".to_owned()]));
        assert_eq!(log.lines_after(2), (2, Vec::new()));
        (0..CAPACITY).for_each(|_| log.add("more", SystemTime::UNIX_EPOCH));
        let (added, new) = log.lines_after(1);
        assert_eq!((added, new.len()), (2 + CAPACITY as u64, CAPACITY));
    }
}
