//! What reading an input may use, so that no input can make it run away.

/// The longest file, standard input or text, in bytes.
pub const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;

/// The most bytes that are decoded, inflated or copied for all sources together.
pub const MAX_DECODED_BYTES: usize = 256 * 1024 * 1024;

/// The most items.
pub const MAX_ITEMS: usize = 1000;

/// The most forms inside one another.
pub const MAX_DEPTH: usize = 6;

/// What is left of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    items: usize,
    exceeded: Option<String>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_DECODED_BYTES, items: MAX_ITEMS, exceeded: None }
    }
}

impl Budget {
    /// Takes room for so many decoded bytes; false if there is none.
    pub(super) fn take_bytes(&mut self, count: usize) -> bool {
        let words = || format!("more than {MAX_DECODED_BYTES} bytes to decode");
        let left = self.bytes.checked_sub(count);
        self.note(left.is_some(), words);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }

    /// How many bytes may still be decoded.
    pub(super) fn bytes_left(&self) -> usize {
        self.bytes
    }

    /// Takes room for one item; false if there is none.
    pub(super) fn take_item(&mut self) -> bool {
        let words = || format!("more than {MAX_ITEMS} messages");
        let left = self.items.checked_sub(1);
        self.note(left.is_some(), words);
        self.items = left.unwrap_or(0);
        left.is_some()
    }

    /// How many items there may still be.
    pub(super) fn items_left(&self) -> usize {
        self.items
    }

    /// The limit that was exceeded, in words.
    pub(super) fn exceeded(&self) -> Option<&str> {
        self.exceeded.as_deref()
    }

    fn note(&mut self, is_within: bool, words: impl FnOnce() -> String) {
        if !is_within && self.exceeded.is_none() {
            self.exceeded = Some(words());
        }
    }
}
