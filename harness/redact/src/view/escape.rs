//! Escapes of queries, of JSON and programming languages, of XML and HTML, of names and of mail.

/// The bytes that an escape stands for, and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Escape {
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: usize,
}

/// Reads the escape at the beginning of some bytes, if there is one; it is longer than one byte.
pub(crate) type Decoder = fn(&[u8]) -> Option<Escape>;

/// All decoders. That of names is after that of programming languages, whose escapes it resembles.
pub(crate) const ALL: [Decoder; 5] = [percent, backslash, entity, quoted_printable, name];

/// True if a text has a character with which an escape begins.
pub(crate) fn may_be_in(text: &str) -> bool {
    text.contains(['%', '\\', '&', '='])
}

/// The longest reference of XML and HTML that is read, in bytes.
const LONGEST_ENTITY: usize = 40;

/// `%40` (RFC 3986 §2.1).
pub(crate) fn percent(text: &[u8]) -> Option<Escape> {
    let [b'%', digits @ ..] = text else { return None };
    Some(Escape { bytes: vec![two_digits(digits)?], length: 3 })
}

/// `=40`, and the end of a line that goes on (RFC 2045 §6.7).
fn quoted_printable(text: &[u8]) -> Option<Escape> {
    match text {
        [b'=', b'\r', b'\n', ..] => Some(Escape { bytes: Vec::new(), length: 3 }),
        [b'=', b'\n', ..] => Some(Escape { bytes: Vec::new(), length: 2 }),
        [b'=', digits @ ..] => Some(Escape { bytes: vec![two_digits(digits)?], length: 3 }),
        _ => None,
    }
}

/// `\40` and `\,` in a name (RFC 4514 §2.4).
fn name(text: &[u8]) -> Option<Escape> {
    let [b'\\', digits @ ..] = text else { return None };
    Some(Escape { bytes: vec![two_digits(digits)?], length: 3 })
}

/// `\"`, `\n`, `\u0040`, `\u{40}`, `\U00000040`, `\x40`, `\100` in JSON, shells and programming languages.
fn backslash(text: &[u8]) -> Option<Escape> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    match kind {
        b'u' if rest.first() == Some(&b'{') => braced(rest),
        b'u' => utf16(rest),
        b'U' => Some(of_character(digits(rest.get(..8)?)?, 10)?),
        b'x' => Some(Escape { bytes: vec![two_digits(rest)?], length: 4 }),
        b'0'..=b'3' if is_octal(rest) => {
            let byte = (kind - b'0') * 64 + (rest[0] - b'0') * 8 + (rest[1] - b'0');
            Some(Escape { bytes: vec![byte], length: 4 })
        }
        _ => single(*kind).map(|byte| Escape { bytes: vec![byte], length: 2 }),
    }
}

fn is_octal(digits: &[u8]) -> bool {
    matches!(digits, [b'0'..=b'7', b'0'..=b'7', ..])
}

/// The byte that a backslash before one character means.
fn single(kind: u8) -> Option<u8> {
    match kind {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'b' => Some(8),
        b'f' => Some(12),
        b'a' => Some(7),
        b'e' => Some(0x1b),
        b'0' => Some(0),
        other => (other.is_ascii_punctuation() || other == b' ').then_some(other),
    }
}

/// `{1b}` after `\u`.
fn braced(rest: &[u8]) -> Option<Escape> {
    let end = rest.iter().take(9).position(|byte| *byte == b'}')?;
    of_character(digits(&rest[1..end])?, end + 3)
}

/// `0040` after `\u`, or both halves of a pair of surrogates.
fn utf16(rest: &[u8]) -> Option<Escape> {
    let first = digits(rest.get(..4)?)?;
    if let Some(escape) = of_character(first, 6) {
        return Some(escape);
    }
    let second = digits(rest.strip_prefix(&rest[..4])?.strip_prefix(b"\\u")?.get(..4)?)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(units).next()?.ok()?;
    of_character(u32::from(character), 12)
}

/// `&amp;`, `&#64;`, `&#x40;`.
fn entity(text: &[u8]) -> Option<Escape> {
    if text.first() != Some(&b'&') {
        return None;
    }
    let end = text.iter().take(LONGEST_ENTITY).position(|byte| *byte == b';')?;
    let written = std::str::from_utf8(&text[..=end]).ok()?;
    let length = end + 1;
    let Some(number) = written.strip_prefix("&#") else {
        let read = html_escape::decode_html_entities(written);
        return (read != written).then(|| Escape { bytes: read.as_bytes().to_vec(), length });
    };
    let number = number.trim_end_matches(';');
    let value = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    of_character(value.ok()?, length)
}

fn of_character(value: u32, length: usize) -> Option<Escape> {
    let character = char::from_u32(value)?;
    Some(Escape { bytes: character.to_string().into_bytes(), length })
}

fn digits(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

fn two_digits(text: &[u8]) -> Option<u8> {
    u8::try_from(digits(text.get(..2)?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_read(decode: Decoder, escape: &str, meant: &[u8]) {
        let read = decode(format!("{escape}rest").as_bytes());
        let expected = Escape { bytes: meant.to_vec(), length: escape.len() };
        assert_eq!(read, Some(expected), "{escape}");
    }

    #[test]
    fn escapes_are_read() {
        assert_read(percent, "%40", b"@");
        assert_read(percent, "%c3", b"\xc3");
        for (escape, meant) in [
            ("\\n", "\n"),
            ("\\/", "/"),
            ("\\\"", "\""),
            ("\\u0040", "@"),
            ("\\u00e9", "é"),
            ("\\ud83d\\ude00", "\u{1f600}"),
            ("\\u{1b}", "\u{1b}"),
            ("\\U0001F600", "\u{1f600}"),
            ("\\x40", "@"),
            ("\\100", "@"),
            ("\\0", "\0"),
        ] {
            assert_read(backslash, escape, meant.as_bytes());
        }
        for (escape, meant) in [
            ("&amp;", "&"),
            ("&#64;", "@"),
            ("&#x40;", "@"),
            ("&#X000040;", "@"),
            ("&plus;", "+"),
            ("&eacute;", "é"),
        ] {
            assert_read(entity, escape, meant.as_bytes());
        }
        assert_read(quoted_printable, "=40", b"@");
        assert_read(quoted_printable, "=\r\n", b"");
        assert_read(name, "\\C3", b"\xc3");
    }

    #[test]
    fn other_text_is_no_escape() {
        for text in
            ["", "%", "%4", "%zz", "\\", "\\q", "\\u12", "\\u{}", "\\ud83d", "&", "&x", "&#;", "="]
        {
            assert!(ALL.iter().all(|decode| decode(text.as_bytes()).is_none()), "{text}");
        }
    }
}
