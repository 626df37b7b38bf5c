//! Base64 as people have it: wrapped, url-safe, percent-escaped, with blanks for `+`, without padding, in quotes, after a name, or in the
//! middle of other text.

mod variant;

use ::base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use self::variant::{Variant, variants};
use super::{
    asn1::{self, Shape},
    budget::Budget,
    reading::{Part, Reading},
    text::{short, utf_8},
};

/// The shortest base64 that is looked for in other text, in characters.
const MIN_CHARACTERS: usize = 16;

/// The most pieces of base64 in a text.
const MAX_PIECES: usize = 1000;

/// How base64 begins that has something in it: a `SEQUENCE` of more than 127 bytes, gzip, PEM, an HTTP message.
const BEGINNINGS: [&str; 7] =
    ["MI", "H4sI", "LS0tLS1CRUdJTi", "UE9TVC", "R0VUI", "SFRUUC8x", "MIA"];

/// What is in the base64 of a text.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(text) = short(bytes) else { return Reading::No };
    let whole = unwrapped(text);
    if let Some(decoded) = decoded(whole).filter(|decoded| is_something(&decoded.bytes)) {
        return part(decoded, budget).map_or(Reading::No, |part| Reading::Parts(vec![part]));
    }
    let mut parts = Vec::new();
    for piece in pieces(text) {
        let decoded = decoded(piece.text).filter(|decoded| is_something(&decoded.bytes));
        if let Some(part) = decoded.and_then(|decoded| part(decoded, budget)) {
            parts.push(part.at(format!("line {}", piece.line)));
        }
    }
    Reading::of(parts)
}

fn part(decoded: Decoded, budget: &mut Budget) -> Option<Part> {
    let Decoded { mut bytes, form } = decoded;
    // Words after base64 are base64, too.
    if let Some(Shape::Followed { length }) = asn1::shape(&bytes) {
        bytes.truncate(length);
    }
    budget.take_bytes(bytes.len()).then(|| Part::encoded(form, bytes))
}

/// Bytes that were base64.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// The form in words: `base64, url-safe`.
    pub(super) form: String,
}

/// The bytes of a base64 that may be spelt in any of the known ways; of several readings the one that is most like a message.
pub(super) fn decoded(text: &str) -> Option<Decoded> {
    let mut best: Option<(u8, Decoded)> = None;
    for Variant { mut characters, mut notes } in variants(text) {
        if characters.len() % 4 == 1 {
            characters.pop();
            notes.push("cut off in the middle of a byte");
        }
        let Ok(bytes) = TOLERANT.decode(&characters) else { continue };
        let likeness = asn1::likeness(&bytes);
        if bytes.is_empty() || best.as_ref().is_some_and(|(best, _)| *best >= likeness) {
            continue;
        }
        notes.insert(0, "base64");
        best = Some((likeness, Decoded { bytes, form: notes.join(", ") }));
    }
    best.map(|(_, decoded)| decoded)
}

const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// True if decoded bytes may have something in them. Words decode to bytes, too.
fn is_something(bytes: &[u8]) -> bool {
    let magics: [&[u8]; 6] = [
        &[0x1f, 0x8b],
        b"\xd4\xc3\xb2\xa1",
        b"\x0a\x0d\x0d\x0a",
        b"-----BEGIN ",
        b"HTTP/1.",
        b"POST /",
    ];
    asn1::shape(bytes).is_some()
        || magics.iter().any(|magic| bytes.starts_with(magic))
        || (bytes.len() >= MIN_CHARACTERS && utf_8(bytes).is_some())
}

/// The text without quotes, and without a name before it such as `message=`.
fn unwrapped(text: &str) -> &str {
    let quotes =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '{' | '}');
    let text = text.trim_matches(quotes);
    let name_end = text.find(['=', ':']).filter(|end| {
        let name = &text[..*end];
        let is_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'' | ' ');
        let has_more = text[*end..].trim_matches('=').len() > 1;
        *end <= 32 && has_more && name.chars().all(is_name)
    });
    match name_end {
        Some(end) => text[end + 1..].trim_matches(quotes),
        None => text,
    }
}

/// A piece of base64 in other text.
struct Piece<'a> {
    text: &'a str,
    line: usize,
}

/// The pieces of a text that begin as base64 of something does, up to where characters of another kind come.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut at, mut line) = (0, 1);
    let mut before = None;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_start = before.is_none_or(|c: char| !is_character(c))
            && BEGINNINGS.iter().any(|beginning| rest.starts_with(beginning));
        let length = if is_start { extent(rest) } else { 0 };
        if length >= MIN_CHARACTERS {
            pieces.push(Piece { text: &rest[..length], line });
            line += rest[..length].matches('\n').count();
            at += length;
            before = None;
        } else {
            line += usize::from(next == '\n');
            at += next.len_utf8();
            before = Some(next);
        }
        if pieces.len() == MAX_PIECES {
            break;
        }
    }
    pieces
}

fn is_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')
}

/// How far base64 goes, in bytes: to its padding, or to a character that cannot be in it.
fn extent(text: &str) -> usize {
    let is_other =
        |c: char| !is_character(c) && !c.is_whitespace() && !matches!(c, '%' | '\\' | '=' | '>');
    let end = text.find(is_other).unwrap_or(text.len());
    let text = &text[..end];
    let padding =
        text.find('=').map(|at| at + text[at..].chars().take_while(|c| *c == '=').count());
    text[..padding.unwrap_or(text.len())].trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_ends_at_its_padding_or_at_another_character() {
        assert_eq!(extent("MIIB== and"), 6);
        assert_eq!(extent("MIIB\nMIIB\" and"), 9);
        assert_eq!(extent("MIIB%2B%3D&x"), 10);
    }

    #[test]
    fn names_and_quotes_are_left_out() {
        assert_eq!(unwrapped("message=MIIB=="), "MIIB==");
        assert_eq!(unwrapped("\"message\": \"MIIB\","), "MIIB");
        assert_eq!(unwrapped("MIIB=="), "MIIB==");
    }
}
