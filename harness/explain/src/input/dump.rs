//! Hex dumps with offsets: `xxd`, `hexdump`, `od`, Wireshark, OpenSSL, `certutil`, debug logs of clients, also with other text before
//! each line.

mod block;
mod row;

use self::{block::Lanes, row::Row};
use super::{
    asn1,
    budget::Budget,
    capture,
    reading::{Part, Reading},
    text::{lines, short},
};

/// The most words before the offset of a line, such as a date, a host and a program.
const MAX_WORDS: usize = 8;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 1024;

/// Bytes of a text whose offsets follow one another from the first line to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The column of the first byte. Exports of conversations indent one of the two ends.
    pub(super) column: usize,
    /// The numbers of the first and of the last line.
    pub(super) lines: (usize, usize),
    /// The form in words.
    pub(super) form: String,
    pub(super) bytes: Vec<u8>,
}

/// What is in the dumps of a text.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(text) = short(bytes) else { return Reading::No };
    let blocks = blocks(text, budget);
    let frames = blocks.iter().map(|block| &*block.bytes);
    if let Some(reading) = capture::of_frames(frames, budget) {
        return reading;
    }
    let part = |block: Block| {
        let (first, last) = block.lines;
        let place = if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        };
        Part::encoded(block.form, block.bytes).at(place)
    };
    Reading::of(blocks.into_iter().map(part).collect())
}

/// The dumps of a text: those that are found after as many words of each line as gives the most bytes.
pub(super) fn blocks(text: &str, budget: &mut Budget) -> Vec<Block> {
    let mut after_words: [Lanes<'_>; MAX_WORDS + 1] = Default::default();
    for line in lines(text) {
        add(&mut after_words, line.text, line.number);
    }
    let mut best = Vec::new();
    let mut most = 0;
    for lanes in after_words {
        let blocks = lanes.blocks(budget);
        let count: usize = blocks.iter().map(|block| block.bytes.len()).sum();
        if count > most {
            (best, most) = (blocks, count);
        }
    }
    best
}

/// Adds a line to the lanes of each number of words that may be before its offset. An empty line says nothing.
fn add<'a>(after_words: &mut [Lanes<'a>], line: &'a str, number: usize) {
    let is_read = line.len() <= MAX_LINE;
    let mut words = row::words(line).peekable();
    if is_read && words.peek().is_none() {
        return;
    }
    for lanes in after_words {
        let start = words.next().filter(|_| is_read);
        match start.map(|start| (start, Row::read(line, number, start))) {
            Some((_, Some(row))) => lanes.push(row),
            Some((start, None)) if row::is_repetition(&line[start..]) => lanes.repeat(),
            _ => lanes.interrupt(),
        }
    }
}

/// The bytes of words in the order in which they are written, or turned around: whichever is more like a message.
fn in_order(written: Vec<u8>, turned: Option<Vec<u8>>) -> (Vec<u8>, bool) {
    let likeness = |bytes: &[u8]| match asn1::likeness(bytes) {
        0 if bytes.starts_with(b"HTTP/1.") || bytes.starts_with(b"POST /") => 4,
        0 if bytes.starts_with(b"GET /") || bytes.starts_with(&[0x1f, 0x8b]) => 4,
        likeness => likeness,
    };
    match turned {
        Some(turned) if likeness(&turned) > likeness(&written) => (turned, true),
        _ => (written, false),
    }
}
