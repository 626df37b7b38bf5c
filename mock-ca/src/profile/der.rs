//! The few DER encodings that certificate extensions need (X.690).

use der::asn1::ObjectIdentifier;

/// An object identifier in dotted form, known when the program was written.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    // The texts are constants of this crate and each is encoded by a test.
    let oid = ObjectIdentifier::new(dotted).expect("a constant object identifier is well-formed");
    tlv(0x06, oid.as_bytes())
}

/// A `SEQUENCE` of these elements.
pub(super) fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

/// A non-negative `INTEGER`.
pub(super) fn integer(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let digits = &bytes[start..];
    if digits[0] & 0x80 == 0 { tlv(0x02, digits) } else { tlv(0x02, &[&[0], digits].concat()) }
}

/// A `BOOLEAN` that is true.
pub(super) fn boolean_true() -> Vec<u8> {
    vec![0x01, 0x01, 0xff]
}

/// An `OCTET STRING`.
pub(super) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, bytes)
}

/// A `BMPString`: UTF-16, big end first.
pub(super) fn bmp_string(text: &str) -> Vec<u8> {
    tlv(0x1e, &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>())
}

/// A primitive value under a context-specific tag.
pub(super) fn context_primitive(tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | tag, content)
}

/// A constructed value under a context-specific tag.
pub(super) fn context_constructed(tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | tag, content)
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
}
