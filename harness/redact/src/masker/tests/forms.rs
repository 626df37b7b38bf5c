//! A secret in the forms in which programs and peers print it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::masker;
use crate::MASK;

/// A secret with characters that all encodings change.
pub(super) const SECRET: &str = "qZ7&Mark3d+Sé\"cr3t/X9";

/// The bytes of a string of DER in a sequence, as in a certification request.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    [&[0x31, length + 2, tag, length][..], content, &[0x30, 0x0d, 0x06, 0x09]].concat()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// Bytes as a text, like those of a program's output.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn each_character(text: &str, written: impl Fn(char) -> String) -> String {
    text.chars().map(written).collect()
}

pub(super) fn each_byte(bytes: &[u8], written: impl Fn(u8) -> String, between: &str) -> String {
    bytes.iter().map(|byte| written(*byte)).collect::<Vec<_>>().join(between)
}

pub(super) fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

/// The secret in bytes, each with the text that a reader could make it from.
fn bytes_with_the_secret() -> Vec<(&'static str, Vec<u8>)> {
    let around = |before: &str| [before.as_bytes(), SECRET.as_bytes(), b" and more"].concat();
    vec![
        ("alone", SECRET.as_bytes().to_vec()),
        ("after one byte", around(":")),
        ("after two bytes", around("x:")),
        ("basic", format!("admin:{SECRET}").into_bytes()),
        ("UTF-16 LE", utf16(SECRET, u16::to_le_bytes)),
        ("UTF-16 BE", utf16(SECRET, u16::to_be_bytes)),
        ("DER", der(0x0c, SECRET.as_bytes())),
        ("DER, BMPString", der(0x1e, &utf16(SECRET, u16::to_be_bytes))),
        ("long", [&[7; 50][..], SECRET.as_bytes(), &[7; 50]].concat()),
    ]
}

pub(super) fn forms() -> Vec<(String, String)> {
    let bytes = SECRET.as_bytes();
    let mut forms: Vec<(String, String)> = [
        ("clear", SECRET.to_owned()),
        ("lower case", SECRET.to_lowercase()),
        ("upper case", SECRET.to_uppercase()),
        ("backwards", SECRET.chars().rev().collect()),
        ("with blanks", each_character(SECRET, |c| format!("{c} "))),
        ("coloured", SECRET.replace("Mark", "\x1b[1;31mMa\x1b[0mrk")),
        ("coloured, shown", SECRET.replace("Mark", "\\u{1b}[1;31mMa\\u{1b}[0mrk")),
        ("with a link", SECRET.replace("Mark", "Ma\x1b]8;;http://x\x07rk")),
        ("broken", SECRET.replace("Mark", "Ma\r\n    rk")),
        ("with zero width", SECRET.replace("Mark", "Ma\u{200b}r\u{ad}k")),
        ("percent, few", SECRET.replace('&', "%26").replace('+', "%2b")),
        ("percent, all", each_byte(bytes, |byte| format!("%{byte:02X}"), "")),
        ("percent twice", SECRET.replace('&', "%2526").replace('+', "%252B")),
        ("JSON", serde_json_like(SECRET)),
        ("JSON, all", each_character(SECRET, |c| format!("\\u{:04x}", u32::from(c)))),
        ("percent, of units", each_character(SECRET, |c| format!("%u{:04X}", u32::from(c)))),
        ("full width", each_character(SECRET, full_width)),
        (
            "full width, escaped",
            each_character(&full_width_of(SECRET), |c| c.escape_unicode().to_string()),
        ),
        ("mathematical", each_character(SECRET, mathematical)),
        ("accents apart", SECRET.replace('é', "e\u{301}")),
        ("JSON in JSON", serde_json_like(&serde_json_like(SECRET))),
        ("Rust", SECRET.escape_debug().to_string()),
        ("C", each_byte(bytes, |byte| format!("\\x{byte:02x}"), "")),
        ("Perl", each_character(SECRET, |c| format!("\\x{{{:x}}}", u32::from(c)))),
        ("octal", each_byte(bytes, |byte| format!("\\{byte:03o}"), "")),
        ("name", SECRET.replace('+', "\\+").replace('"', "\\22").replace('é', "\\C3\\A9")),
        ("XML", SECRET.replace('&', "&amp;").replace('"', "&quot;")),
        ("XML, decimal", each_character(SECRET, |c| format!("&#{};", u32::from(c)))),
        ("XML, hexadecimal", each_character(SECRET, |c| format!("&#x{:X};", u32::from(c)))),
        ("HTML, no semicolons", each_character(SECRET, |c| format!("&#{}", u32::from(c)))),
        ("HTML", SECRET.replace('+', "&plus;").replace('/', "&sol;").replace('é', "&eacute;")),
        ("HTML in JSON", serde_json_like(&SECRET.replace('&', "&amp;").replace('"', "&quot;"))),
        ("mail", SECRET.replace('+', "=2B").replace('é', "=C3=A9")),
        ("UTF-16 LE", latin1(&utf16(SECRET, u16::to_le_bytes))),
        ("UTF-16 BE", latin1(&utf16(SECRET, u16::to_be_bytes))),
        (
            "ISO 8859-1",
            each_character(SECRET, |c| {
                if c.is_ascii() { c.into() } else { format!("\\x{:02x}", u32::from(c)) }
            }),
        ),
        ("decimal", format!("[{}]", each_byte(bytes, |byte| byte.to_string(), " "))),
        ("decimal, commas", each_byte(bytes, |byte| byte.to_string(), ", ")),
    ]
    .into_iter()
    .map(|(name, form)| (name.to_owned(), form))
    .collect();
    for (name, bytes) in bytes_with_the_secret() {
        let base64 = STANDARD.encode(&bytes);
        let hexadecimal = hex::encode(&bytes);
        let backwards = |text: &str| text.chars().rev().collect::<String>();
        for (kind, form) in [
            ("base64", base64.clone()),
            ("base64 without padding", base64.trim_end_matches('=').to_owned()),
            ("base64 in lines of 64", wrapped(&base64, 64)),
            ("base64 in lines of 76", wrapped(&base64, 76)),
            ("base64 in short lines", wrapped(&base64, 16)),
            ("base64 for URLs", URL_SAFE_NO_PAD.encode(&bytes)),
            (
                "base64 in a query",
                base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
            ),
            ("base64 in JSON", base64.replace('/', "\\/")),
            ("hexadecimal", hexadecimal.clone()),
            ("HEXADECIMAL", hexadecimal.to_uppercase()),
            ("hexadecimal in lines", wrapped(&hexadecimal, 32)),
            ("hexadecimal, colons", each_byte(&bytes, |byte| format!("{byte:02x}"), ":")),
            ("hexadecimal, blanks", each_byte(&bytes, |byte| format!("{byte:02X}"), " ")),
            ("hexadecimal in C", each_byte(&bytes, |byte| format!("0x{byte:02x}"), ", ")),
            ("dump", dump(&bytes)),
            ("base32", base32(&bytes)),
            ("base32 in lower case", base32(&bytes).to_lowercase()),
            ("base32 in lines", wrapped(&base32(&bytes), 24)),
            ("base64 backwards", backwards(&base64)),
            ("hexadecimal backwards", backwards(&hexadecimal)),
        ] {
            forms.push((format!("{kind} of {name}"), form));
        }
    }
    forms
}

fn full_width(character: char) -> String {
    let wide = match character {
        ' ' => Some('\u{3000}'),
        c if c.is_ascii_graphic() => char::from_u32(u32::from(c) + 0xfee0),
        _ => None,
    };
    wide.unwrap_or(character).into()
}

fn full_width_of(text: &str) -> String {
    each_character(text, full_width)
}

/// The character as a bold letter or digit of mathematics, if there is one.
fn mathematical(character: char) -> String {
    let code = u32::from(character);
    let bold = match character {
        'A'..='Z' => code - 0x41 + 0x1d400,
        'a'..='z' => code - 0x61 + 0x1d41a,
        '0'..='9' => code - 0x30 + 0x1d7ce,
        _ => code,
    };
    char::from_u32(bold).unwrap_or(character).into()
}

/// Base32 (RFC 4648 §6), bit by bit.
fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let digits = (0..bytes.len() * 8).step_by(5).map(|first| {
        let value = (first..first + 5).fold(0, |value, at| value << 1 | bit(at));
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value])
    });
    let digits: String = digits.collect();
    let padding = digits.len().next_multiple_of(8) - digits.len();
    digits + &"=".repeat(padding)
}

/// A string of JSON without its quotation marks, with the optional escape of the slash.
fn serde_json_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/").replace('é', "\\u00e9")
}

/// A dump as `xxd` prints it.
pub(super) fn dump(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).zip(0..).map(|(line, number)| {
        let cells: Vec<String> = line.chunks(2).map(hex::encode).collect();
        let shown =
            line.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' });
        format!("{:08x}: {:39}  {}", number * 16, cells.join(" "), shown.collect::<String>())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn secret_is_masked_in_every_form() {
    let masker = masker(&[SECRET]);
    let mut shown = Vec::new();
    for (name, form) in forms() {
        let text = format!("before\n{form}\nafter");
        let clean = masker.text(&text);
        if !clean.contains(MASK) || leaks(&clean, &form) {
            shown.push(format!("{name}:\n{form}\n{clean}"));
        }
        assert!(clean.starts_with("before\n") && clean.ends_with("\nafter"), "{name}: {clean}");
        assert_eq!(clean.lines().count(), text.lines().count(), "{name}: {clean}");
        assert_eq!(masker.text(&clean), clean, "{name}");
    }
    assert!(shown.is_empty(), "{} forms:\n{}", shown.len(), shown.join("\n"));
}

/// An encoding, and what it makes of a text.
pub(super) type Encoding = (&'static str, fn(&str) -> String);

/// Encodings that may be on top of each other.
pub(super) const ENCODINGS: [Encoding; 13] = [
    ("percent", |text| each_byte(text.as_bytes(), |byte| format!("%{byte:02X}"), "")),
    ("JSON", |text| serde_json_like(text).replace('\n', "\\n")),
    ("XML", |text| text.replace('&', "&amp;").replace('"', "&quot;").replace('+', "&#43;")),
    ("C", |text| each_byte(text.as_bytes(), |byte| format!("\\x{byte:02x}"), "")),
    ("mail", |text| each_byte(text.as_bytes(), |byte| format!("={byte:02X}"), "")),
    ("full width", full_width_of),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 for URLs", |text| URL_SAFE_NO_PAD.encode(format!("x:{text}"))),
    // Of other encodings in UTF-16, only those of ISO 8859-1 are looked into.
    ("base64 of UTF-16", |text| {
        let is_latin = text.chars().all(|character| u32::from(character) < 0x100);
        if is_latin { STANDARD.encode(utf16(text, u16::to_le_bytes)) } else { String::new() }
    }),
    ("base32", |text| base32(text.as_bytes())),
    ("hexadecimal", |text| hex::encode(text)),
    ("hexadecimal, colons", |text| each_byte(text.as_bytes(), |byte| format!("{byte:02X}"), ":")),
    ("dump", |text| dump(text.as_bytes())),
];

#[test]
fn secret_is_masked_in_three_encodings_on_top_of_each_other() {
    let masker = masker(&[SECRET]);
    let mut shown = Vec::new();
    for (first, one) in ENCODINGS {
        for (second, two) in ENCODINGS {
            for (third, three) in ENCODINGS {
                let inner = two(&one(SECRET));
                let form = three(&inner);
                if one(SECRET).is_empty() || inner.is_empty() || form.is_empty() {
                    continue;
                }
                let clean = masker.text(&format!("before\n{form}"));
                if !clean.contains(MASK) || leaks(&clean, &form) {
                    shown.push(format!("{third} of {second} of {first}"));
                }
                assert!(clean.starts_with("before\n"), "{third} of {second} of {first}:\n{clean}");
            }
        }
    }
    assert!(shown.is_empty(), "{} forms: {:?}", shown.len(), &shown[..shown.len().min(40)]);
}

/// True if the middle of the form is still there, more characters than the offset of a dump has, which belong to the secret, and not to what is around it.
fn leaks(masked: &str, form: &str) -> bool {
    let rest: String = masked.replace(MASK, "\u{1}");
    let middle: Vec<char> = form.chars().collect();
    let half = match middle.len() {
        ..200 => 7,
        200..1000 => 12,
        _ => 40,
    };
    let middle = &middle[middle.len() / 2 - half..middle.len() / 2 + half];
    let middle: String = middle.iter().collect();
    rest.contains(&middle)
}
