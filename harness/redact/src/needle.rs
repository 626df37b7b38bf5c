//! The forms of secrets that are searched for: in clear, in base64 and base32, in hexadecimal digits, all of them also backwards.
//! Escapes, and digits of other digits, need no forms of their own, because they are decoded before the search.
//!
//! A secret of up to [`SHORT`] characters is part of many words. It is found only if it stands as a word: in clear; in base64 or
//! hexadecimal only if the whole word is the secret's and has at least [`WORD`] digits, so that no word is it by chance.

mod digits;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use scep::secret::Secret;

use self::digits::Digits;
use crate::view::{View, escape, spellings};

/// The longest secret that is masked only as a whole word, in characters: `a` is part of most words.
pub(crate) const SHORT: usize = 5;

/// The shortest word in hexadecimal that may be a short secret, in digits. In base64 it is one with its padding.
const WORD: usize = 8;

/// A form of a secret.
pub(crate) struct Needle {
    pub(crate) bytes: Vec<u8>,
    pub(crate) place: Place,
    /// True if escapes must not be decoded before the search, because the secret needs none: the `s` in `\s` is no word.
    pub(crate) is_unescaped: bool,
    /// True if the secret may be a word or number of our own messages.
    pub(crate) may_be_a_word: bool,
    /// Digits before and after it that have a part of its bits.
    pub(crate) partial: (usize, usize),
}

/// Where a form is taken for the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Anywhere, in upper or lower case.
    Anywhere,
    /// Anywhere, in the same case.
    SameCase,
    /// Where it is a word, in the same case.
    Word,
}

/// All forms of some secrets, by the kind of view in which they are searched for.
#[derive(Default)]
pub(crate) struct Needles {
    /// Short secrets.
    pub(crate) words: Vec<Needle>,
    /// Secrets in clear, and in other character sets.
    pub(crate) clear: Vec<Needle>,
    /// The same without blanks.
    pub(crate) squeezed: Vec<Needle>,
    pub(crate) base64: Vec<Needle>,
    /// Hexadecimal digits in lower case.
    pub(crate) hexadecimal: Vec<Needle>,
}

impl Needles {
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles = Self::default();
        for secret in secrets {
            let clear = secret.expose();
            if clear.chars().count() <= SHORT {
                needles.add_short(clear);
            } else {
                needles.add(clear);
            }
        }
        needles
    }

    fn add(&mut self, clear: &str) {
        let mut forms: Vec<Vec<u8>> =
            spellings(clear).iter().flat_map(|text| character_sets(text)).collect();
        forms.extend(backwards(clear).map(String::into_bytes));
        for form in &forms {
            self.hexadecimal.extend(Needle::both_ways(Needle::encoded(hexadecimal(form))));
            let cores =
                Digits::BASE64.cores(form).map(|it| Needle { place: Place::SameCase, ..it });
            self.base64.extend(cores.flat_map(Needle::both_ways));
            let cores = Digits::BASE32.iter().flat_map(|digits| digits.cores(form));
            self.squeezed.extend(cores.flat_map(Needle::both_ways));
        }
        forms.extend(other_cases(clear).into_iter().map(String::into_bytes));
        forms.extend(unescaped(clear));
        let needle = |bytes: Vec<u8>| Needle::new(bytes, clear);
        let squeezed = forms.iter().map(|form| View::<()>::of_bytes(form).squeezed().bytes);
        self.squeezed.extend(squeezed.filter(|form| form.len() > SHORT).map(needle));
        self.clear.extend(forms.into_iter().map(needle));
    }

    fn add_short(&mut self, clear: &str) {
        let is_unescaped = clear.chars().all(char::is_alphanumeric);
        let whole = |bytes: Vec<u8>| Needle {
            place: Place::Word,
            is_unescaped,
            ..Needle::new(bytes, clear)
        };
        self.words.push(whole(clear.as_bytes().to_vec()));
        // A short word in another case is another word, unless it is a number in hexadecimal.
        if is_hexadecimal(clear) {
            self.words.extend(other_cases(clear).into_iter().map(|it| whole(it.into_bytes())));
        }
        let digits = hexadecimal(clear.as_bytes());
        if digits.len() >= WORD {
            self.hexadecimal.push(whole(digits));
        }
        if clear.len().div_ceil(3) * 4 >= WORD {
            self.base64.push(whole(STANDARD_NO_PAD.encode(clear).into_bytes()));
        }
    }
}

impl Needle {
    fn new(bytes: Vec<u8>, clear: &str) -> Self {
        let may_be_a_word = clear.chars().count() <= SHORT
            || clear.chars().all(char::is_alphabetic)
            || clear.chars().all(char::is_numeric);
        let (place, is_unescaped) = (Place::Anywhere, false);
        Self { bytes, place, is_unescaped, may_be_a_word, partial: (0, 0) }
    }

    /// The digits of an encoding, which are no word.
    fn encoded(bytes: Vec<u8>) -> Self {
        let (place, is_unescaped) = (Place::Anywhere, false);
        Self { bytes, place, is_unescaped, may_be_a_word: false, partial: (0, 0) }
    }

    /// The form, and the same backwards.
    fn both_ways(self) -> [Self; 2] {
        let bytes = self.bytes.iter().rev().copied().collect();
        let backwards = Self { bytes, partial: (self.partial.1, self.partial.0), ..self };
        [self, backwards]
    }
}

fn is_hexadecimal(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
}

/// The text backwards, unless it is the same.
fn backwards(clear: &str) -> Option<String> {
    Some(clear.chars().rev().collect()).filter(|text| text != clear)
}

fn other_cases(clear: &str) -> [String; 2] {
    [clear.to_lowercase(), clear.to_uppercase()]
}

/// The text in UTF-8, in UTF-16 in both byte orders (a `BMPString`), and in ISO 8859-1 if that differs.
fn character_sets(clear: &str) -> Vec<Vec<u8>> {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| clear.encode_utf16().flat_map(bytes).collect();
    let mut forms =
        vec![clear.as_bytes().to_vec(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)];
    let latin: Option<Vec<u8>> =
        clear.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    forms.extend(latin.filter(|latin| latin != clear.as_bytes()));
    forms
}

/// The text with what looks like an escape decoded, as it is in a view whose escapes are decoded.
fn unescaped(clear: &str) -> impl Iterator<Item = Vec<u8>> {
    let first = View::<()>::of(clear).decoded(&escape::ALL);
    let forms = std::iter::successors(first, |view| view.decoded(&escape::ALL));
    forms.map(|view| view.bytes).filter(|bytes| bytes.len() > SHORT)
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    hex::encode(bytes).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secret_has_encoded_forms_only_if_they_are_long() {
        let count = |secret: &str| {
            let needles = Needles::of([&Secret::new(secret)]);
            (needles.words.len(), needles.hexadecimal.len(), needles.base64.len())
        };
        assert_eq!(count("a"), (1, 0, 0));
        assert_eq!(count("abc"), (1, 0, 0));
        assert_eq!(count("Valid"), (1, 1, 1));
        assert_eq!(count("8CE3"), (3, 1, 1));
    }
}
