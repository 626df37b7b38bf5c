//! Texts in base64, base32 (RFC 4648) and hexadecimal digits.

mod run;
mod texts;

use self::run::Run;
use self::texts::{SHORTEST, is_latin1};
use super::shapes::Shapes;
use crate::view::{Origin, View};

/// What is no digit, in place of its value.
const NONE: u8 = u8::MAX;

/// A kind of digits.
struct Digits {
    /// Bits of a digit.
    bits: usize,
    /// The value of each byte as a digit, or [`NONE`].
    values: [u8; 256],
}

static BASE64: Digits =
    Digits::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6);

static BASE32: Digits = Digits::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5).in_both_cases();

/// The alphabet with which the order of texts stays (RFC 4648 §7).
static BASE32_HEX: Digits = Digits::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", 5).in_both_cases();

static HEXADECIMAL: Digits = Digits::of(b"0123456789abcdef", 4);

/// The texts that the digits in a view stand for, one view for each kind of digits that it has.
pub(super) fn decoded<O: Origin>(shapes: &Shapes<O>) -> Vec<View<O>> {
    let kinds = [
        (&BASE64, &shapes.base64),
        (&HEXADECIMAL, &shapes.hexadecimal),
        (&BASE32, &shapes.squeezed),
        (&BASE32_HEX, &shapes.squeezed),
    ];
    let texts = kinds.into_iter().map(|(digits, view)| digits.texts(view));
    texts.filter(|texts| !texts.bytes.is_empty()).collect()
}

impl Digits {
    const fn of(alphabet: &[u8], bits: usize) -> Self {
        let mut values = [NONE; 256];
        let mut value: u8 = 0;
        while (value as usize) < alphabet.len() {
            values[alphabet[value as usize] as usize] = value;
            value += 1;
        }
        Self { bits, values }
    }

    /// The same with lower-case letters, which mean what the upper-case ones do.
    const fn in_both_cases(mut self) -> Self {
        let mut letter = b'A';
        while letter <= b'Z' {
            self.values[letter.to_ascii_lowercase() as usize] = self.values[letter as usize];
            letter += 1;
        }
        self
    }

    /// All texts that runs of these digits stand for, with a break between two.
    fn texts<O: Origin>(&self, view: &View<O>) -> View<O> {
        let mut texts = View::default();
        let value = |at: &usize| self.values[usize::from(view.bytes[*at])];
        let mut at = 0;
        while at < view.bytes.len() {
            let end = (at..view.bytes.len()).find(|at| value(at) == NONE);
            let end = end.unwrap_or(view.bytes.len());
            if (end - at) * self.bits >= SHORTEST * 8 {
                self.add_texts(
                    &Run::of((at..end).map(|at| value(&at)), self.bits),
                    at,
                    view,
                    &mut texts,
                );
            }
            at = end + 1;
        }
        texts
    }

    /// Adds the texts in a run of digits, which begins at an offset of the view. The first byte may begin at any digit, because
    /// other digits may stand before.
    fn add_texts<O: Origin>(&self, run: &Run, start: usize, view: &View<O>, texts: &mut View<O>) {
        // A byte begins at a digit again after eight digits with an odd number of bits.
        let group = 8 >> self.bits.trailing_zeros();
        for first in 0..group {
            let digits = |at: usize| {
                let begin = start + first + at * 8 / self.bits;
                begin..start + first + (at * 8 + 7) / self.bits + 1
            };
            run.each_text(first * self.bits, |offset, bytes, text| {
                for at in text {
                    texts.push_character(bytes, at, view.origin(&digits(offset + at)));
                }
                texts.end_part();
            });
        }
    }
}

impl<O: Origin> View<O> {
    /// Adds the byte of a text at an offset, but not the empty half of a character in UTF-16.
    fn push_character(&mut self, bytes: &[u8], at: usize, origin: O) {
        let byte = bytes[at];
        if is_latin1(bytes, at) {
            let mut buffer = [0; 2];
            char::from(byte)
                .encode_utf8(&mut buffer)
                .bytes()
                .for_each(|byte| self.push(byte, origin));
        } else if byte != 0 {
            self.push(byte, origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[track_caller]
    fn assert_has(text: &str, inside: &str, at: &str) {
        let views = decoded(&Shapes::<(usize, usize)>::of(View::of(text)));
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
        assert!(
            decoded(&Shapes::<()>::of(View::of(""))).is_empty()
                && decoded(&Shapes::<()>::of(View::of("abc"))).is_empty()
        );
        let certificate = "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQ".repeat(20);
        let length: usize = decoded(&Shapes::<()>::of(View::of(&certificate)))
            .iter()
            .map(|view| view.bytes.len())
            .sum();
        assert!(length < certificate.len(), "{length}");
    }
}
