//! A run of digits as a string of bits, in which a byte may begin at any digit.

use std::ops::Range;

use super::texts::{PAIRS, Pairs, SHORTEST, texts_in};

/// Bytes before and after the bits, which are no part of a text.
const AROUND: [u8; 8] = [u8::MAX; 8];

/// The bits of all digits, one after the other.
pub(super) struct Run {
    /// With [`AROUND`] on both sides.
    bytes: Vec<u8>,
    /// Number of bits.
    length: usize,
}

impl Run {
    /// The digits with these values.
    pub(super) fn of(values: impl ExactSizeIterator<Item = u8>, bits: usize) -> Self {
        let length = values.len() * bits;
        let mut bytes = Vec::with_capacity(length / 8 + 1 + 2 * AROUND.len());
        bytes.extend(AROUND);
        let (mut held, mut count) = (0_u32, 0);
        for value in values {
            held = held << bits | u32::from(value);
            count += bits;
            if count >= 8 {
                count -= 8;
                bytes.push((held >> count).to_le_bytes()[0]);
            }
        }
        // The unfinished byte ends with bits that are set.
        bytes.push((held << (8 - count) | u32::from(u8::MAX >> count)).to_le_bytes()[0]);
        bytes.extend(AROUND);
        Self { bytes, length }
    }

    /// Calls `add` with each text if the first byte begins at a bit: the offset of some bytes, these bytes, and the text in them.
    pub(super) fn each_text(&self, first: usize, mut add: impl FnMut(usize, &[u8], Range<usize>)) {
        let count = self.length.saturating_sub(first) / 8;
        let pairs = &*PAIRS;
        let mut start = 0;
        let mut bytes = Vec::new();
        while start + SHORTEST <= count {
            // A text is between two places at which bytes are apart. The last such place in what may be the shortest one saves most.
            let mut within = start..start + SHORTEST - 1;
            if let Some(at) = within.rfind(|at| self.are_apart(pairs, first, *at)) {
                start = at + 1;
                continue;
            }
            let end =
                (start + SHORTEST - 1..count - 1).find(|at| self.are_apart(pairs, first, *at));
            let end = end.map_or(count, |at| at + 1);
            bytes.clear();
            bytes.extend((start..end).map(|at| self.four(first, at).to_be_bytes()[1]));
            for text in texts_in(&bytes) {
                add(start, &bytes, text);
            }
            start = end;
        }
    }

    /// True if no text has both this byte and the next one.
    fn are_apart(&self, pairs: &Pairs, first: usize, at: usize) -> bool {
        pairs.are_apart(self.four(first, at))
    }

    /// The byte before this one, this one, and two more.
    fn four(&self, first: usize, at: usize) -> u32 {
        let bit = AROUND.len() * 8 + first + at * 8 - 8;
        let eight = self.bytes[bit / 8..].first_chunk().copied().unwrap_or_default();
        let bytes = (u64::from_be_bytes(eight) << (bit % 8)).to_be_bytes();
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, always the same ones.
    fn numbers() -> impl Iterator<Item = u64> {
        std::iter::successors(Some(1_u64), |last| {
            Some(
                last.wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407),
            )
        })
        .map(|number| number >> 33)
    }

    /// The bytes that digits with these values stand for, bit by bit.
    fn bytes(values: &[u8], bits: usize) -> Vec<u8> {
        let bit = |at: usize| values[at / bits] >> (bits - 1 - at % bits) & 1;
        let byte = |at: usize| (at * 8..at * 8 + 8).fold(0, |byte, at| byte << 1 | bit(at));
        (0..values.len() * bits / 8).map(byte).collect()
    }

    #[test]
    fn texts_are_those_of_all_bytes() {
        let mut numbers = numbers();
        let parts = ["hunter22", "é", "日本", "\0", "x\0y\0", "\u{1f600}", " ", "\n", "\u{1}"];
        let mut count = 0;
        for round in 0..2000 {
            // Texts with a few odd bytes in them.
            let mut all: Vec<u8> = Vec::new();
            while all.len() < 60 {
                let number = numbers.next().unwrap();
                match number % 4 {
                    0 => all.push(number.to_le_bytes()[1]),
                    _ => all.extend(parts[usize::try_from(number / 4 % 9).unwrap()].bytes()),
                }
            }
            for bits in [4, 5, 6] {
                let mask = (1 << bits) - 1;
                let shift = round % 8;
                let bit = |at: usize| all[at / 8] >> (7 - at % 8) & 1;
                let values: Vec<u8> = (0..(all.len() * 8 - shift) / bits)
                    .map(|at| {
                        (at * bits..at * bits + bits)
                            .fold(0, |digit, at| digit << 1 | bit(at + shift))
                            & mask
                    })
                    .collect();
                let run = Run::of(values.iter().copied(), bits);
                for first in 0..8 {
                    let all = bytes(&values[first..], bits);
                    let expected: Vec<Vec<u8>> =
                        texts_in(&all).into_iter().map(|text| all[text].to_vec()).collect();
                    let mut found = Vec::new();
                    run.each_text(first * bits, |offset, bytes, text| {
                        assert_eq!(
                            all[offset + text.start..offset + text.end],
                            bytes[text.clone()]
                        );
                        found.push(bytes[text].to_vec());
                    });
                    assert_eq!(found, expected, "{values:?} of {bits} bits from {first} on");
                    count += found.len();
                }
            }
        }
        assert!(count > 1000, "{count}");
    }
}
