//! What a reader of a result must know of the SCEP client, each said once.

use parking_lot::Mutex;

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
