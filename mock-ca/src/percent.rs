//! Percent-encoding (RFC 3986 §2.1).

use scep::hexadecimal;

/// Writes every byte that `keeps` does not take as `%` and two upper-case hexadecimal digits; `keeps` must not take `%`.
pub(crate) fn encode(text: &str, keeps: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if keeps(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hexadecimal::upper(&[byte]));
        }
        encoded
    })
}

/// Undoes [`encode`], `None` for what it never writes.
pub(crate) fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let (digits, after) = after.split_first_chunk()?;
            bytes.push(hexadecimal::byte(*digits)?);
            rest = after;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// What stands for itself in a text that is to fit on a line, without blanks.
pub(crate) fn fits_on_a_line(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%'
}

/// What stands for itself anywhere in a URL (RFC 3986 §2.3).
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits_on_a_line_and_comes_back() {
        for text in ["", "ABC", "jCIbi0V+hiEl/uLY=", "a b\n%41", "grün"] {
            let encoded = encode(text, fits_on_a_line);
            assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()), "{encoded}");
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
        assert_eq!(encode("a/b c~", is_unreserved), "a%2Fb%20c~");
    }

    #[test]
    fn what_is_never_written_is_not_read() {
        for encoded in ["%", "%4", "%zz", "%+1", "%-0", "%ff", "%4ü"] {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }
}
