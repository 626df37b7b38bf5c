//! Bytes as the elements of an array: `{ 0x30, 0x82 }` of C, as `xxd -i` and Wireshark write it, and `[48, 130]` of other languages.

use crate::input::reading::Part;

/// The shortest array that is read, in elements.
const MIN_ELEMENTS: usize = 4;

/// The bytes of each array in a text.
pub(super) fn read(text: &str) -> Option<Vec<Part>> {
    let text = without_comments(text);
    let mut parts = Vec::new();
    for array in arrays(&text) {
        if let Some((form, bytes)) = elements(array) {
            parts.push(Part::encoded(form, bytes));
        }
    }
    let count = parts.len();
    let number = |(number, part): (usize, Part)| match count {
        1 => part,
        _ => part.at(format!("array {number}")),
    };
    (count > 0).then(|| (1..).zip(parts).map(number).collect())
}

/// The bytes of the first array in a text.
pub(super) fn first(text: &str) -> Option<Vec<u8>> {
    let text = without_comments(text);
    let text = &text[text.find('{')? + 1..];
    elements(&text[..text.find('}')?]).map(|(_, bytes)| bytes)
}

/// The text between brackets; all of it if there are none, because people copy the elements alone.
fn arrays(text: &str) -> Vec<&str> {
    let inside = |piece: &'_ str| piece.find(['}', ']']).map(|end| end.min(piece.len()));
    let pieces = text.split(['{', '[']).skip(1);
    let found: Vec<&str> =
        pieces.filter_map(|piece| inside(piece).map(|end| &piece[..end])).collect();
    let has_elements = |array: &&str| {
        array.split_whitespace().nth(MIN_ELEMENTS - 1).is_some()
            || array.matches(',').count() + 1 >= MIN_ELEMENTS
    };
    let found: Vec<&str> = found.into_iter().filter(has_elements).collect();
    if found.is_empty() { vec![text] } else { found }
}

fn elements(array: &str) -> Option<(&'static str, Vec<u8>)> {
    let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    let words: Vec<&str> = array.split(separator).filter(|word| !word.is_empty()).collect();
    if words.len() < MIN_ELEMENTS {
        return None;
    }
    let hexadecimal = |word: &&str| {
        let digits = word.trim_start_matches("(byte)");
        let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
        u8::from_str_radix(digits, 16).ok()
    };
    if let Some(bytes) = words.iter().map(hexadecimal).collect() {
        return Some(("array of hexadecimal numbers", bytes));
    }
    // Java writes a byte over 127 as a negative number.
    let decimal = |word: &&str| {
        let number = word.parse::<i16>().ok()?;
        u8::try_from(number).ok().or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
    };
    let bytes = words.iter().map(decimal).collect::<Option<Vec<u8>>>()?;
    // Other numbers are seen more often than bytes.
    bytes.starts_with(&[0x30]).then_some(("array of decimal numbers", bytes))
}

/// The text with a blank for each comment of C.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        let Some(length) = rest[start..].find("*/") else { break };
        kept.push_str(&rest[..start]);
        kept.push(' ');
        rest = &rest[start + length + 2..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::reading::Inside;

    fn arrays(text: &str) -> Vec<Vec<u8>> {
        let bytes = |part: Part| match part.inside {
            Inside::Encoded(bytes) => bytes,
            Inside::Found(_) => Vec::new(),
        };
        read(text).unwrap_or_default().into_iter().map(bytes).collect()
    }

    #[test]
    fn elements_of_several_languages_are_bytes() {
        let expected = [vec![0x30, 0x82, 0x01, 0x02]];
        for text in [
            "unsigned char m[] = {\n  0x30, 0x82,\n 0x01, 0x02\n};\nunsigned int m_len = 4;",
            "char peer0_0[] = { /* Packet 4 */\n0x30, 0x82, 0x01, 0x02 };",
            "0x30, 0x82, 0x01, 0x02",
            "new byte[] { (byte)0x30, (byte)0x82, 0x01, 0x02 }",
            "[48, -126, 1, 2]",
            "[48 130 1 2]",
            r#"{"type":"Buffer","data":[48,130,1,2]}"#,
        ] {
            assert_eq!(arrays(text), expected, "{text}");
        }
        assert!(arrays("{ 0x30, word, 0x01, 0x02 }").is_empty());
        assert!(arrays("10, 20, 30, 40").is_empty());
    }
}
