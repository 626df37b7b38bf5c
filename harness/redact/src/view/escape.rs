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

/// True for a byte with which an escape begins.
pub(crate) fn begins_with(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&' | b'=')
}

/// The longest reference of XML and HTML that is read, in bytes.
const LONGEST_ENTITY: usize = 40;

/// `%40` (RFC 3986 §2.1), and `%u0040` of older browsers and servers.
pub(crate) fn percent(text: &[u8]) -> Option<Escape> {
    match text {
        [b'%', b'u' | b'U', digits @ ..] => utf16(digits, b"%u"),
        [b'%', digits @ ..] => Some(Escape { bytes: vec![two_digits(digits)?], length: 3 }),
        _ => None,
    }
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

/// `\"`, `\n`, `\u0040`, `\u{40}`, `\U00000040`, `\x40`, `\x{40}`, `\100` in JSON, shells and programming languages.
fn backslash(text: &[u8]) -> Option<Escape> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    match kind {
        b'u' | b'x' if rest.first() == Some(&b'{') => braced(rest),
        b'u' => utf16(rest, b"\\u"),
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

/// `{1b}` after `\u` or `\x`.
fn braced(rest: &[u8]) -> Option<Escape> {
    let end = rest.iter().take(9).position(|byte| *byte == b'}')?;
    of_character(digits(&rest[1..end])?, end + 3)
}

/// `0040` after `\u` or another mark, or both halves of a pair of surrogates, each with its mark.
fn utf16(rest: &[u8], mark: &[u8]) -> Option<Escape> {
    let first = digits(rest.get(..4)?)?;
    if let Some(escape) = of_character(first, 6) {
        return Some(escape);
    }
    let second = digits(rest.strip_prefix(&rest[..4])?.strip_prefix(mark)?.get(..4)?)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(units).next()?.ok()?;
    of_character(u32::from(character), 12)
}

/// `&amp;`, `&#64;`, `&#x40;`; browsers also read numbers and old names without the semicolon.
fn entity(text: &[u8]) -> Option<Escape> {
    if let [b'&', b'#', number @ ..] = text {
        return numbered(number);
    }
    if text.first() != Some(&b'&') {
        return None;
    }
    let name =
        text[1..].iter().take(LONGEST_ENTITY).take_while(|byte| byte.is_ascii_alphanumeric());
    let end = 1 + name.count();
    let has_end = text.get(end) == Some(&b';');
    let length = end + usize::from(has_end);
    let written = std::str::from_utf8(&text[..length]).ok()?;
    if !has_end {
        let (name, byte) = OLD_NAMES.iter().find(|(name, _)| written[1..].starts_with(name))?;
        return Some(Escape { bytes: vec![*byte], length: 1 + name.len() });
    }
    let read = html_escape::decode_html_entities(written);
    (read != written).then(|| Escape { bytes: read.as_bytes().to_vec(), length })
}

/// Names that need no semicolon (WHATWG HTML §13.5), as far as they are of ASCII.
const OLD_NAMES: [(&str, u8); 4] = [("amp", b'&'), ("lt", b'<'), ("gt", b'>'), ("quot", b'"')];

/// `64;` or `x40;` after `&#`.
fn numbered(number: &[u8]) -> Option<Escape> {
    let (prefix, radix) = match number {
        [b'x' | b'X', ..] => (1, 16),
        _ => (0, 10),
    };
    let digits = number[prefix..].iter().take(LONGEST_ENTITY);
    let count = digits.take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let digits = std::str::from_utf8(&number[prefix..prefix + count]).ok()?;
    let value = u32::from_str_radix(digits, radix).ok()?;
    let has_end = number.get(prefix + count) == Some(&b';');
    of_character(value, 2 + prefix + count + usize::from(has_end))
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
        assert_read(percent, "%u00e9", "é".as_bytes());
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
            ("\\x{40}", "@"),
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
            ("&#64", "@"),
            ("&#x40", "@"),
            ("&amp", "&"),
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
