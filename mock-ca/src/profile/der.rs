//! The parts of DER (X.690) that certificates need.

use der::{
    Decode, Encode, Tag, TagNumber,
    asn1::{AnyRef, ObjectIdentifier},
};

/// An object identifier from a constant in dotted form.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    // The texts are constants of this crate and each is encoded by a test.
    let oid = ObjectIdentifier::new(dotted).expect("a constant object identifier is well-formed");
    tlv(Tag::ObjectIdentifier, oid.as_bytes())
}

/// A `SEQUENCE` of these elements.
pub(crate) fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(Tag::Sequence, &elements.concat())
}

/// A `SET OF` these elements, which must be in order.
pub(crate) fn set(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(Tag::Set, &elements.concat())
}

/// A non-negative `INTEGER`.
pub(crate) fn integer(value: u32) -> Vec<u8> {
    whole(&value)
}

/// The content of a non-negative `INTEGER`: without leading zeros, except one if the first bit would mean a negative number.
pub(crate) fn integer_content(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|byte| *byte != 0).unwrap_or(value.len());
    let digits = &value[start..];
    match digits.first() {
        Some(0..=0x7f) => digits.to_vec(),
        _ => [&[0], digits].concat(),
    }
}

/// An `ENUMERATED` below 128.
pub(crate) fn enumerated(value: u8) -> Vec<u8> {
    tlv(Tag::Enumerated, &[value & 0x7f])
}

/// A `BIT STRING` of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(Tag::BitString, &[&[0], bytes].concat())
}

/// A `NULL`.
pub(crate) fn null() -> Vec<u8> {
    tlv(Tag::Null, &[])
}

/// An `OCTET STRING`.
pub(crate) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(Tag::OctetString, bytes)
}

/// A `UTF8String`.
pub(crate) fn utf8_string(text: &str) -> Vec<u8> {
    tlv(Tag::Utf8String, text.as_bytes())
}

/// A `PrintableString` of permitted characters.
pub(crate) fn printable_string(text: &str) -> Vec<u8> {
    tlv(Tag::PrintableString, text.as_bytes())
}

/// A `BMPString`: UTF-16, big end first.
pub(crate) fn bmp_string(text: &str) -> Vec<u8> {
    tlv(Tag::BmpString, &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>())
}

/// A primitive value under a context-specific tag.
pub(crate) fn context_primitive(tag: u32, content: &[u8]) -> Vec<u8> {
    tlv(context(tag, false), content)
}

/// A constructed value under a context-specific tag.
pub(crate) fn context_constructed(tag: u32, content: &[u8]) -> Vec<u8> {
    tlv(context(tag, true), content)
}

/// A context-specific tag.
pub(crate) fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber(number) }
}

/// The elements of a `SEQUENCE`.
pub(crate) fn elements(sequence: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    Vec::from_der(sequence).ok()
}

/// A value with its tag and length.
pub(crate) fn whole(value: &impl Encode) -> Vec<u8> {
    value.to_der().expect("DER can encode the length of any certificate")
}

fn tlv(tag: Tag, content: &[u8]) -> Vec<u8> {
    whole(&AnyRef::new(tag, content).expect("DER can encode the length of any certificate"))
}

#[cfg(test)]
mod tests {
    use der::Tagged;

    use super::*;

    #[test]
    fn lengths_have_the_short_and_the_long_form() {
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
    fn written_elements_are_read_back() {
        let long = octet_string(&[7; 300]);
        let both = sequence(&[long.clone(), null()]);
        let read = elements(&both).unwrap();
        assert_eq!((read[0].tag(), read[0].value().len()), (Tag::OctetString, 300));
        assert_eq!((whole(&read[0]), read[1].tag(), read.len()), (long, Tag::Null, 2));
        for end in 0..both.len() {
            assert!(elements(&both[..end]).is_none(), "{end}");
        }
    }
}
