//! Bytes as hexadecimal digits.

/// Lower-case digits.
pub fn lower(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789abcdef")
}

/// Upper-case digits.
pub fn upper(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789ABCDEF")
}

/// The byte that two digits stand for, `None` when they are none.
pub fn byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
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

    #[test]
    fn two_digits_are_a_byte_and_a_sign_is_no_digit() {
        assert_eq!((byte(*b"0a"), byte(*b"FF")), (Some(0x0a), Some(0xff)));
        assert_eq!((byte(*b"+1"), byte(*b"1g")), (None, None));
    }
}
