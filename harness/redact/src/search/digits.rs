//! Texts in base64, base32 (RFC 4648) and hexadecimal digits.

use std::ops::Range;

use super::{base64_digits, hexadecimal_digits};
use crate::view::View;

/// The shortest text in digits that is searched, in bytes: an encoded secret is longer.
const SHORTEST: usize = 8;

/// A kind of digits.
struct Digits {
    /// Bits of a digit.
    bits: usize,
    /// Value of a digit.
    value: fn(u8) -> Option<u8>,
}

const BASE64: Digits = Digits {
    bits: 6,
    value: |digit| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    },
};

const BASE32: Digits = Digits {
    bits: 5,
    value: |digit| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a'),
        b'2'..=b'7' => Some(digit - b'2' + 26),
        _ => None,
    },
};

/// The alphabet with which the order of texts stays (RFC 4648 §7).
const BASE32_HEX: Digits = Digits {
    bits: 5,
    value: |digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'V' => Some(digit - b'A' + 10),
        b'a'..=b'v' => Some(digit - b'a' + 10),
        _ => None,
    },
};

const HEXADECIMAL: Digits = Digits {
    bits: 4,
    value: |digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    },
};

/// The texts that the digits in a view stand for, one view for each kind of digits that it has.
pub(super) fn decoded(view: &View) -> Vec<View> {
    let squeezed = view.squeezed();
    let kinds = [
        (BASE64, base64_digits(&squeezed)),
        (HEXADECIMAL, hexadecimal_digits(&squeezed)),
        (BASE32, squeezed.clone()),
        (BASE32_HEX, squeezed),
    ];
    let texts = kinds.into_iter().map(|(digits, view)| digits.texts(&view));
    texts.filter(|texts| !texts.bytes.is_empty()).collect()
}

impl Digits {
    /// All texts that runs of these digits stand for, with a break between two.
    fn texts(&self, view: &View) -> View {
        let mut texts = View::default();
        let mut at = 0;
        while at < view.bytes.len() {
            let run = view.bytes[at..].iter().map_while(|byte| (self.value)(*byte));
            let run: Vec<u8> = run.collect();
            if run.len() * self.bits >= SHORTEST * 8 {
                self.add_texts(&run, at, view, &mut texts);
            }
            at += run.len() + 1;
        }
        texts
    }

    /// Adds the texts in a run of digits, which begins at an offset of the view. The first byte may begin at any digit, because
    /// other digits may stand before.
    fn add_texts(&self, run: &[u8], start: usize, view: &View, texts: &mut View) {
        // A byte begins at a digit again after eight digits with an odd number of bits.
        let group = 8 >> self.bits.trailing_zeros();
        for first in 0..group.min(run.len()) {
            let bytes = self.bytes(&run[first..]);
            let digits = |at: usize| {
                let begin = start + first + at * 8 / self.bits;
                begin..start + first + (at * 8 + 7) / self.bits + 1
            };
            for text in texts_in(&bytes) {
                for at in text {
                    let range = view.range(&digits(at));
                    texts.push_character(&bytes, at, (range.start, range.end));
                }
                texts.end_part();
            }
        }
    }

    /// The bytes that digits with these values stand for.
    fn bytes(&self, values: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(values.len());
        let (mut held, mut count) = (0_u32, 0);
        for value in values {
            held = held << self.bits | u32::from(*value);
            count += self.bits;
            if count >= 8 {
                count -= 8;
                bytes.push((held >> count).to_le_bytes()[0]);
            }
        }
        bytes
    }
}

impl View {
    /// Adds the byte of a text at an offset, but not the empty half of a character in UTF-16.
    fn push_character(&mut self, bytes: &[u8], at: usize, range: (usize, usize)) {
        let byte = bytes[at];
        if is_latin1(bytes, at) {
            let mut buffer = [0; 2];
            char::from(byte)
                .encode_utf8(&mut buffer)
                .bytes()
                .for_each(|byte| self.push(byte, range));
        } else if byte != 0 {
            self.push(byte, range);
        }
    }
}

/// The texts among these bytes that are long enough. The empty halves of UTF-16 do not count.
fn texts_in(bytes: &[u8]) -> Vec<Range<usize>> {
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
fn is_latin1(bytes: &[u8], at: usize) -> bool {
    let is_empty = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&0);
    bytes[at] >= 0xa0 && (is_empty(at.checked_sub(1)) || is_empty(at.checked_add(1)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[track_caller]
    fn assert_has(text: &str, inside: &str, at: &str) {
        let views = decoded(&View::of(text));
        let found = views.iter().find_map(|view| {
            let length = inside.len();
            let bytes = view.bytes.windows(length).position(|part| part == inside.as_bytes())?;
            Some(view.range(&(bytes..bytes + length)))
        });
        assert_eq!(found.map(|range| &text[range]), Some(at), "{text}");
    }

    #[test]
    fn texts_in_digits_are_found_with_their_places() {
        for before in ["", "x", "xy", "xyz"] {
            assert_has(&format!("{before}bWFyay0ldXM="), "mark-%us", "bWFyay0ldXM");
        }
        assert_has(&STANDARD.encode(b"\x30\x09\x0c\x08mark-%us"), "mark-%us", "G1hcmstJXVz");
        assert_has("got 6d61726b2d257573!", "mark-%us", "6d61726b2d257573");
        // The byte before is the first half of a character.
        assert_has("c36d61726b2d257573", "mark-%us", "6d61726b2d257573");
        assert_has("got 6D:61:72:6b:2d:25:75:73", "mark-%us", "6D:61:72:6b:2d:25:75:73");
        assert_has("NVQXE2ZNEV2XG===", "mark-%us", "NVQXE2ZNEV2XG");
        assert_has("DLGN4QPD4LQN6===", "mark-%us", "DLGN4QPD4LQN6");
        let utf16: Vec<u8> = "mark-%us".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin: Vec<u8> = "märk-%üs".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_has(
            &hex::encode([&latin[..], &[0]].concat()),
            "märk-%üs",
            &hex::encode(&latin[1..]),
        );
        assert_has(&hex::encode(&utf16), "mark-%us", &"6d00610072006b002d00250075007300"[..30]);
    }

    #[test]
    fn other_digits_have_little_text() {
        assert!(decoded(&View::of("")).is_empty() && decoded(&View::of("abc")).is_empty());
        let certificate = "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQ".repeat(20);
        let length: usize =
            decoded(&View::of(&certificate)).iter().map(|view| view.bytes.len()).sum();
        assert!(length < certificate.len(), "{length}");
    }
}
