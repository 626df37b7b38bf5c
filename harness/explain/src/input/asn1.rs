//! Messages as they are sent: DER and BER, also cut off or damaged.

use scep::{ber::normalise, content};

use super::{
    budget::Budget,
    reading::{Part, Reading},
    text::is_printable,
};
use crate::{
    asn1::{Header, header},
    item::Content,
};

/// A private key that was handed in as if it were a message.
pub(super) const KEY: &str = "a private key, which is no message: give it with `--key`";

/// The most messages that may follow one another without anything between them.
const MAX_ROW: usize = 64;

/// The messages that the bytes are.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(shape) = shape(bytes) else { return Reading::No };
    if content::Content::of(bytes) == content::Content::Asn1(content::Asn1::PrivateKey) {
        return Reading::Stop(format!("DER, which is {KEY}"));
    }
    if let Some(parts) = row(bytes, budget) {
        return Reading::Parts(parts);
    }
    let form = match shape {
        Shape::Whole => encoding(bytes).to_owned(),
        Shape::Cut { announced } => {
            format!("DER, cut off: {announced} bytes are announced, {} are there", bytes.len())
        }
        Shape::Followed { length } => {
            format!("DER of {length} bytes, and {} bytes after it", bytes.len() - length)
        }
    };
    found(form, bytes, budget).map_or(Reading::No, |part| Reading::Parts(vec![part]))
}

/// Bytes that are no message any more: something on their way took them for text, so that lengths and bytes do not fit.
pub(super) fn damaged(bytes: &[u8], budget: &mut Budget) -> Reading {
    let form = match bytes {
        // In UTF-8, what is no character becomes U+FFFD.
        [0x30, 0xEF, 0xBF, 0xBD, ..] => "DER that was changed as text in UTF-8",
        [0x30, 0x81..=0x84, ..] if !is_printable(bytes) => "DER, damaged",
        _ => return Reading::No,
    };
    found(form.to_owned(), bytes, budget).map_or(Reading::No, |part| Reading::Parts(vec![part]))
}

fn found(form: String, bytes: &[u8], budget: &mut Budget) -> Option<Part> {
    budget.take_bytes(bytes.len()).then(|| Part::found(form, Content::Bytes(bytes.to_vec())))
}

/// Messages that follow one another, each whole; `None` if it is one alone or something else is between them.
fn row(bytes: &[u8], budget: &mut Budget) -> Option<Vec<Part>> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = match shape(rest)? {
            Shape::Whole => rest.len(),
            Shape::Followed { length } => length,
            Shape::Cut { .. } => return None,
        };
        let (piece, after) = rest.split_at(length);
        pieces.push((bytes.len() - rest.len(), piece));
        rest = after;
        if pieces.len() > MAX_ROW {
            return None;
        }
    }
    if pieces.len() < 2 {
        return None;
    }
    let part = |(at, piece): (usize, &[u8])| {
        let part = found(encoding(piece).to_owned(), piece, budget)?;
        Some(part.at(format!("from byte {at}")))
    };
    pieces.into_iter().map(part).collect()
}

/// DER or BER, and if it is well-formed.
fn encoding(bytes: &[u8]) -> &'static str {
    match normalise(bytes) {
        Ok(normalised) if normalised == bytes => "DER",
        Ok(_) => "BER",
        Err(_) if bytes.get(1) == Some(&0x80) => "BER, damaged",
        Err(_) => "DER, damaged",
    }
}

/// How far bytes are one element of ASN.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The element and nothing else, as far as its head says.
    Whole,
    /// The element has more bytes than are there: so many.
    Cut { announced: usize },
    /// The element has so many bytes, and others follow.
    Followed { length: usize },
}

/// The shape of bytes that begin like a message, a certificate or the like; `None` for others.
///
/// All of these are a `SEQUENCE`, which begins with a `SEQUENCE`, an `INTEGER` or an `OBJECT IDENTIFIER`, and is no text.
pub(super) fn shape(bytes: &[u8]) -> Option<Shape> {
    if bytes.first() != Some(&0x30) {
        return None;
    }
    let Header { size: start, length, .. } = header(bytes).ok()?;
    let inner = header(bytes.get(start..)?).ok()?;
    if !matches!(inner.tag, 0x02 | 0x06 | 0x30) || is_printable(bytes) {
        return None;
    }
    let Some(length) = length else { return Some(Shape::Whole) };
    let fits = match inner.length {
        Some(within) => inner.size.checked_add(within)? <= length,
        None => true,
    };
    let whole = start.checked_add(length)?;
    if !fits {
        return None;
    }
    Some(match bytes.len() {
        there if there < whole => Shape::Cut { announced: whole },
        there if there > whole => Shape::Followed { length: whole },
        _ => Shape::Whole,
    })
}

/// How much bytes are like a message: 0 for not at all, 4 for one that is whole and well-formed.
pub(super) fn likeness(bytes: &[u8]) -> u8 {
    match shape(bytes) {
        None => 0,
        Some(Shape::Cut { .. }) => 1,
        Some(Shape::Followed { length }) if normalise(&bytes[..length]).is_err() => 1,
        Some(Shape::Whole) if normalise(bytes).is_err() => 2,
        Some(Shape::Followed { .. }) => 3,
        Some(Shape::Whole) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_is_told_from_the_head() {
        let whole = [0x30, 3, 2, 1, 5];
        assert_eq!(shape(&whole), Some(Shape::Whole));
        assert_eq!(shape(&whole[..4]), Some(Shape::Cut { announced: 5 }));
        assert_eq!(shape(&[&whole[..], b"\n"].concat()), Some(Shape::Followed { length: 5 }));
        assert_eq!(shape(&[0x30, 0x80, 6, 1, 0x2a, 0, 0]), Some(Shape::Whole));
        assert_eq!(shape(&[0x30, 3, 2, 4, 5]), None, "the inner element is longer than the outer");
        assert_eq!(shape(b"00000000: 3082 09ca 0609"), None, "a text");
    }

    #[test]
    fn messages_in_a_row_are_several() {
        let twice = [0x30, 3, 2, 1, 5].repeat(2);
        let Reading::Parts(parts) = read(&twice, &mut Budget::default()) else { panic!() };
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1].place.as_deref(), Some("from byte 5"));
    }
}
