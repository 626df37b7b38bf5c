//! Bytes as a string of a programming language with escapes: `\x30\x82`, as C, Python, Wireshark and logs write it.

use std::{iter::Peekable, str::Bytes};

use crate::input::reading::Part;

/// The fewest escapes that make a text such a string.
const MIN_ESCAPES: usize = 4;

/// The bytes of the strings in a text, joined; `None` if it has not enough escapes of bytes.
pub(super) fn read(text: &str) -> Option<Vec<Part>> {
    if text.matches("\\x").count() + text.matches("\\0").count() < MIN_ESCAPES {
        return None;
    }
    let bytes = match strings(text) {
        strings if strings.is_empty() => unescaped(text.trim()),
        strings => strings.iter().flat_map(|string| unescaped(string)).collect(),
    };
    Some(vec![Part::encoded("string with escaped bytes", bytes)])
}

/// The texts between quotes, each without its quotes. A quote of the other kind is part of a string.
fn strings(text: &str) -> Vec<&str> {
    let mut strings = Vec::new();
    let mut open: Option<(u8, usize)> = None;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match open {
            _ if is_escaped => is_escaped = false,
            Some(_) if byte == b'\\' => is_escaped = true,
            Some((quote, start)) if byte == quote => {
                strings.push(&text[start..at]);
                open = None;
            }
            None if matches!(byte, b'"' | b'\'') => open = Some((byte, at + 1)),
            _ => {}
        }
    }
    // A string that was cut off.
    strings.extend(open.map(|(_, start)| &text[start..]));
    strings
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'x') => bytes.push(digits(&mut rest, 0, 16, 2)),
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'a') => bytes.push(7),
            Some(b'b') => bytes.push(8),
            Some(b'v') => bytes.push(11),
            Some(b'f') => bytes.push(12),
            Some(first @ b'0'..=b'7') => bytes.push(digits(&mut rest, first - b'0', 8, 2)),
            // The end of a line in the source.
            Some(b'\n') | None => {}
            Some(b'\r') => {
                rest.next_if_eq(&b'\n');
            }
            Some(other) => bytes.push(other),
        }
    }
    bytes
}

/// The value of so many further digits at most, after those whose value is known.
fn digits(rest: &mut Peekable<Bytes<'_>>, known: u8, base: u8, most: usize) -> u8 {
    let mut value = known;
    for _ in 0..most {
        let is_digit = |byte: &u8| char::from(*byte).is_digit(u32::from(base));
        let Some(byte) = rest.next_if(is_digit) else { break };
        let digit = char::from(byte).to_digit(u32::from(base)).unwrap_or(0);
        value = value.wrapping_mul(base).wrapping_add(u8::try_from(digit).unwrap_or(0));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::reading::Inside;

    #[test]
    fn escapes_of_several_languages_are_bytes() {
        for (text, expected) in [
            (r"\x30\x82\x01\x02", &b"\x30\x82\x01\x02"[..]),
            (r"b'0\x82\x01\x02\n\'\x00\\'", b"0\x82\x01\x02\n'\0\\"),
            (r#"b"0\x82'\x01\x02\xff""#, b"0\x82'\x01\x02\xff"),
            ("char peer0_0[] = \n\"\\x30\\x82\" \\\n\"\\x01\\x02\";", b"\x30\x82\x01\x02"),
            (r"0\202\001\x02\x03\x04\0", b"0\x82\x01\x02\x03\x04\0"),
        ] {
            let Some(Inside::Encoded(bytes)) =
                read(text).and_then(|mut parts| parts.pop()).map(|part| part.inside)
            else {
                panic!("{text}")
            };
            assert_eq!(bytes, expected, "{text}");
        }
        assert!(read("0x30 and \\x41").is_none());
    }
}
