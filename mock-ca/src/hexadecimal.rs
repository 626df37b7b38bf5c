//! Bytes as hexadecimal digits.

/// Lower-case digits.
pub(crate) fn lower(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789abcdef")
}

/// Upper-case digits.
pub(crate) fn upper(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789ABCDEF")
}

fn digits(bytes: &[u8], alphabet: &[u8; 16]) -> String {
    let pair = |byte: &u8| [byte >> 4, byte & 0x0f];
    bytes.iter().flat_map(pair).map(|digit| char::from(alphabet[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(lower(&[0x00, 0x0a, 0xff]), "000aff");
        assert_eq!(upper(&[0x00, 0x0a, 0xff]), "000AFF");
    }
}
