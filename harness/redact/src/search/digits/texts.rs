//! Texts among bytes, in UTF-8 or UTF-16.

use std::ops::Range;
use std::sync::LazyLock;

/// The shortest text in digits that is searched, in bytes: an encoded secret is longer.
pub(super) const SHORTEST: usize = 8;

/// The texts among these bytes that are long enough. The empty halves of UTF-16 do not count.
pub(super) fn texts_in(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut texts = Vec::new();
    let (mut start, mut empty, mut at) = (0, 0, 0);
    while at <= bytes.len() {
        let length = length_of_character(bytes, at);
        if length > 0 {
            empty += usize::from(bytes[at] == 0);
            at += length;
            continue;
        }
        if at - start >= SHORTEST + empty {
            texts.push(start..at);
        }
        at += 1;
        (start, empty) = (at, 0);
    }
    texts
}

/// Length of the character of a text at an offset, in UTF-8, or in UTF-16 one byte of it; 0 if there is none.
fn length_of_character(bytes: &[u8], at: usize) -> usize {
    let Some(first) = bytes.get(at) else { return 0 };
    let length = match first {
        0 | b'\t' | b'\n' | b'\r' | 0x1b | b' '..=b'~' => return 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if is_latin1(bytes, at) {
        return 1;
    }
    let is_rest = |rest: &[u8]| length > 1 && rest.iter().all(|byte| matches!(byte, 0x80..=0xbf));
    bytes.get(at + 1..at + length).filter(|rest| is_rest(rest)).map_or(0, |_| length)
}

/// True for a character of ISO 8859-1 in UTF-16, whose other half is empty.
pub(super) fn is_latin1(bytes: &[u8], at: usize) -> bool {
    let is_empty = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&0);
    bytes[at] >= 0xa0 && (is_empty(at.checked_sub(1)) || is_empty(at.checked_add(1)))
}

/// For each pair of bytes a bit, which is set if a text in UTF-8 may have the two in succession.
pub(super) struct Pairs(Vec<u64>);

pub(super) static PAIRS: LazyLock<Pairs> = LazyLock::new(|| {
    let mut pairs = vec![0; 1 << 10];
    for pair in 0..=u16::MAX {
        if may_follow(pair.to_be_bytes()) {
            pairs[usize::from(pair >> 6)] |= 1 << (pair & 63);
        }
    }
    Pairs(pairs)
});

fn may_follow([first, second]: [u8; 2]) -> bool {
    let is_alone = |byte| length_of_character(&[byte], 0) == 1;
    let is_first = |byte: u8| matches!(byte, 0xc2..=0xf4);
    let is_further = |byte: u8| matches!(byte, 0x80..=0xbf);
    if is_first(first) {
        return is_further(second);
    }
    (is_alone(first) || is_further(first))
        && (is_alone(second) || is_first(second) || is_further(first) && is_further(second))
}

impl Pairs {
    /// True if no text has the second and the third of four successive bytes, so that one may end or begin between them.
    pub(super) fn are_apart(&self, four: u32) -> bool {
        let [_, first, second, _] = four.to_be_bytes();
        let pair = u16::from_be_bytes([first, second]);
        let may_follow = self.0[usize::from(pair >> 6)] >> (pair & 63) & 1 == 1;
        // Beside an empty byte, half of a character in UTF-16, any byte may be the other half.
        !may_follow && four.to_be_bytes().iter().all(|byte| *byte != 0)
    }
}
