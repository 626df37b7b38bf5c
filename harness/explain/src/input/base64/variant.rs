//! The readings of a base64 that is spelt in one of several ways: only one of them is what was meant.

use percent_encoding::percent_decode_str;

/// A reading: characters of the standard alphabet (RFC 4648 §4), without blanks.
pub(super) struct Variant {
    pub(super) characters: String,
    /// What was done to get them, in words.
    pub(super) notes: Vec<&'static str>,
}

/// All readings of a text, none of which has other characters than those of base64. A blank may be a `+` that a form was decoded from, or
/// nothing.
pub(super) fn variants(text: &str) -> Vec<Variant> {
    let mut notes = Vec::new();
    let mut text = text.trim().to_owned();
    // What was escaped twice is seen in logs of proxies.
    for note in ["percent-escaped", "percent-escaped twice"] {
        if !has_percent_escape(&text) {
            break;
        }
        let Ok(decoded) = percent_decode_str(&text).decode_utf8() else { return Vec::new() };
        text = decoded.into_owned();
        notes.retain(|other| *other != "percent-escaped");
        notes.push(note);
    }
    if text.contains('\\') {
        text = unescaped(&text);
        notes.push("with escapes of a string");
    }
    let plain: String = without_margins(&text).chars().filter(|c| !c.is_whitespace()).collect();
    let mut readings = vec![(plain, None)];
    if text.contains(' ') {
        let note = Some("with blanks for `+`");
        readings.push((without_margins(&text).trim().replace(' ', "+"), note));
        // A `+` may have been the first or the last character of a line.
        readings.push((text.replace(['\r', '\n'], "").replace(' ', "+"), note));
    }
    let finish = |(text, blanks): (String, Option<&'static str>)| finished(&text, blanks, &notes);
    readings.into_iter().filter_map(finish).collect()
}

fn finished(text: &str, blanks: Option<&'static str>, notes: &[&'static str]) -> Option<Variant> {
    let mut notes = notes.to_vec();
    notes.extend(blanks);
    let body = text.trim_end_matches('=');
    if !body.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')) {
        return None;
    }
    if body.contains(['-', '_']) {
        notes.push("url-safe");
    }
    if body.len() == text.len() && body.len() % 4 > 1 {
        notes.push("without padding");
    }
    Some(Variant { characters: body.replace('-', "+").replace('_', "/"), notes })
}

fn has_percent_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| {
        three[0] == b'%' && three[1].is_ascii_hexdigit() && three[2].is_ascii_hexdigit()
    })
}

/// The text with the escapes of JSON, shells and programming languages taken back, as far as base64 has them.
fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (escape, meant) in [
        ("\\r", "\r"),
        ("\\n", "\n"),
        ("\\t", "\t"),
        ("\\/", "/"),
        ("\\u002b", "+"),
        ("\\u002B", "+"),
        ("\\u002f", "/"),
        ("\\u002F", "/"),
        ("\\u003d", "="),
        ("\\u003D", "="),
        ("\\\r\n", "\n"),
        ("\\\n", "\n"),
    ] {
        text = text.replace(escape, meant);
    }
    text
}

/// The text with its lines joined. Indentation, marks of quotation and blanks before a line end belong to no line.
fn without_margins(text: &str) -> String {
    let lines = text.split(['\n', '\r']);
    let mut joined = String::with_capacity(text.len());
    for (number, line) in lines.enumerate() {
        let start = |c: char| matches!(c, ' ' | '\t' | '>');
        let line = if number == 0 { line } else { line.trim_start_matches(start) };
        joined.push_str(line.trim_end());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_become_the_standard_alphabet() {
        for (text, characters, notes) in [
            ("MI+/", "MI+/", &[][..]),
            ("MI-_", "MI+/", &["url-safe"][..]),
            ("MI%2B%2f", "MI+/", &["percent-escaped"]),
            ("MI%252B%252F", "MI+/", &["percent-escaped twice"]),
            ("MI+/\r\n  MI+/", "MI+/MI+/", &[]),
            ("> MI+/\n> MI+/", "MI+/MI+/", &[]),
            ("MI+\\/\\nMIA", "MI+/MIA", &["with escapes of a string", "without padding"]),
            ("MI+/MA==", "MI+/MA", &[]),
        ] {
            let variants = variants(text.trim_start_matches("> "));
            assert_eq!(variants[0].characters, characters, "{text}");
            assert_eq!(variants[0].notes, notes, "{text}");
        }
    }

    #[test]
    fn blank_is_nothing_or_a_plus() {
        let readings: Vec<_> = variants("MI A").into_iter().map(|one| one.characters).collect();
        assert_eq!(readings, ["MIA", "MI+A", "MI+A"]);
        assert!(variants("not: base64").is_empty());
    }
}
