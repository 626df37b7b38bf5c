//! The little of DER that certificates need (X.690).

use der::asn1::ObjectIdentifier;
use time::OffsetDateTime;

/// An object identifier in dotted form, known when the program was written.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    // The texts are constants of this crate and each is encoded by a test.
    let oid = ObjectIdentifier::new(dotted).expect("a constant object identifier is well-formed");
    tlv(0x06, oid.as_bytes())
}

/// A `SEQUENCE` of these elements.
pub(crate) fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

/// A `SET OF` these elements, of which there is one or which are in order.
pub(crate) fn set(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &elements.concat())
}

/// A non-negative `INTEGER`.
pub(crate) fn integer(value: u32) -> Vec<u8> {
    big_integer(&value.to_be_bytes())
}

/// A non-negative `INTEGER` of any size, big end first.
pub(crate) fn big_integer(value: &[u8]) -> Vec<u8> {
    tlv(0x02, &integer_content(value))
}

/// The content of a non-negative `INTEGER`: no needless zeros, and one where the first bit would read as a sign.
pub(crate) fn integer_content(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|byte| *byte != 0).unwrap_or(value.len());
    let digits = &value[start..];
    match digits.first() {
        Some(0..=0x7f) => digits.to_vec(),
        _ => [&[0], digits].concat(),
    }
}

/// A time as certificates write it: `UTCTime` until 2049, then `GeneralizedTime` (RFC 5280 §4.1.2.5).
pub(crate) fn time(time: OffsetDateTime) -> Vec<u8> {
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = time.to_hms();
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    match year {
        1950..=2049 => tlv(0x17, format!("{:02}{rest}", year % 100).as_bytes()),
        _ => tlv(0x18, format!("{year:04}{rest}").as_bytes()),
    }
}

/// A `BIT STRING` of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

/// A `NULL`.
pub(crate) fn null() -> Vec<u8> {
    tlv(0x05, &[])
}

/// A `BOOLEAN` that is true.
pub(crate) fn boolean_true() -> Vec<u8> {
    vec![0x01, 0x01, 0xff]
}

/// An `OCTET STRING`.
pub(crate) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, bytes)
}

/// A `BMPString`: UTF-16, big end first.
pub(crate) fn bmp_string(text: &str) -> Vec<u8> {
    tlv(0x1e, &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>())
}

/// A primitive value under a context-specific tag.
pub(crate) fn context_primitive(tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | tag, content)
}

/// A constructed value under a context-specific tag.
pub(crate) fn context_constructed(tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | tag, content)
}

/// An element as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

/// Splits off the first element, of definite length; gives it and what follows it.
pub(crate) fn split(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - after.len()];
    Some((Element { tag, content, whole }, after))
}

/// The elements in the content of a constructed one.
pub(crate) fn elements(mut content: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !content.is_empty() {
        let (element, after) = split(content)?;
        elements.push(element);
        content = after;
    }
    Some(elements)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let start = length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1);
    let digits = &length[start..];
    let mut encoded = Vec::with_capacity(content.len() + 1 + length.len());
    encoded.push(tag);
    if content.len() >= 0x80 {
        encoded.push(0x80 | digits.len().to_le_bytes()[0]);
    }
    encoded.extend_from_slice(digits);
    encoded.extend_from_slice(content);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_short_and_the_long_form() {
        assert_eq!(octet_string(&[]), [0x04, 0x00]);
        assert_eq!(octet_string(&[7; 127])[..2], [0x04, 0x7f]);
        assert_eq!(octet_string(&[7; 128])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(octet_string(&[7; 256])[..4], [0x04, 0x82, 0x01, 0x00]);
    }

    #[test]
    fn integers_stay_positive() {
        assert_eq!(integer(0), [0x02, 0x01, 0x00]);
        assert_eq!(integer(100), [0x02, 0x01, 0x64]);
        assert_eq!(integer(128), [0x02, 0x02, 0x00, 0x80]);
        assert_eq!(integer(0x0100), [0x02, 0x02, 0x01, 0x00]);
    }

    #[test]
    fn times_change_their_type_in_2050() {
        let december = time::macros::datetime!(2049-12-31 23:59:59 UTC);
        assert_eq!(time(december), b"\x17\x0d491231235959Z");
        assert_eq!(time(december + time::Duration::SECOND), b"\x18\x0f20500101000000Z");
    }

    #[test]
    fn what_is_written_is_read() {
        let long = octet_string(&[7; 300]);
        let both = [long.clone(), null()].concat();
        let read = elements(&both).unwrap();
        assert_eq!((read[0].tag, read[0].content.len(), read[0].whole), (4, 300, &long[..]));
        assert_eq!((read[1].tag, read.len()), (5, 2));
        for end in 0..both.len() - 2 {
            assert!(end == 0 || elements(&both[..end]).is_none(), "{end}");
        }
    }
}
