//! The forms in which a peer may send a password back, and a search for them that shares no code with the masker.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::Regex;

/// Number of adjacent characters of a form that give a secret away.
const WINDOW: usize = 12;

/// A form of a secret.
pub(super) struct Form {
    pub(super) name: String,
    pub(super) text: String,
}

/// Forms that were found, by the output that shows them.
pub(super) type Found = BTreeMap<String, Vec<String>>;

/// All forms of a secret.
pub(super) fn forms(secret: &str) -> Vec<Form> {
    let bytes = secret.as_bytes();
    let middle = secret.len() / 2;
    let inserted = |between: &str| [&secret[..middle], between, &secret[middle..]].concat();
    let mut forms: Vec<Form> = [
        ("clear", secret.to_owned()),
        ("upper case", secret.to_uppercase()),
        ("backwards", secret.chars().rev().collect()),
        ("with blanks", each(bytes, |byte| char::from(byte).to_string(), " ")),
        ("coloured", inserted("\x1b[1;31m")),
        ("broken", inserted("\n")),
        ("with zero width", inserted("\u{200b}")),
        (
            "percent",
            each(
                bytes,
                |byte| {
                    if byte.is_ascii_alphanumeric() {
                        char::from(byte).to_string()
                    } else {
                        format!("%{byte:02X}")
                    }
                },
                "",
            ),
        ),
        ("percent, all", each(bytes, |byte| format!("%{byte:02x}"), "")),
        ("JSON", serde_json::to_string(secret).unwrap()),
        ("JSON, all", each(bytes, |byte| format!("\\u{byte:04x}"), "")),
        ("XML, decimal", each(bytes, |byte| format!("&#{byte};"), "")),
        ("XML, hexadecimal", each(bytes, |byte| format!("&#x{byte:x};"), "")),
        ("HTML", secret.replace('&', "&amp;").replace('+', "&plus;").replace('/', "&sol;")),
        ("octal", each(bytes, |byte| format!("\\{byte:03o}"), "")),
        ("decimal", format!("[{}]", each(bytes, |byte| byte.to_string(), " "))),
        ("UTF-16", utf16(secret, u16::to_le_bytes).into_iter().map(char::from).collect()),
        (
            "authorization",
            format!("Authorization: Basic {}", STANDARD.encode(format!("admin:{secret}"))),
        ),
        ("URL", format!("http://admin:{secret}@host/")),
    ]
    .into_iter()
    .map(|(name, text)| Form { name: name.to_owned(), text })
    .collect();
    for (name, bytes) in around(secret) {
        let base64 = STANDARD.encode(&bytes);
        let hexadecimal = each(&bytes, |byte| format!("{byte:02x}"), "");
        for (kind, text) in [("base64", base64), ("hexadecimal", hexadecimal)] {
            forms.push(Form { name: format!("{kind} of {name}"), text });
        }
    }
    let base64 = STANDARD.encode([b"user:", bytes].concat());
    for (name, text) in [
        ("base64 without padding", base64.trim_end_matches('=').to_owned()),
        ("base64 in lines", wrapped(&base64, 16)),
        ("base64 for URLs", URL_SAFE_NO_PAD.encode(bytes)),
        ("HEXADECIMAL", each(bytes, |byte| format!("{byte:02X}"), "")),
        ("hexadecimal, colons", each(bytes, |byte| format!("{byte:02x}"), ":")),
        ("hexadecimal, blanks", each(bytes, |byte| format!("{byte:02x}"), " ")),
    ] {
        forms.push(Form { name: name.to_owned(), text });
    }
    forms
}

/// Bytes with the secret: at all three places in a group of base64, in UTF-16, and in a string of DER.
fn around(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let length = u8::try_from(bytes.len()).unwrap();
    vec![
        ("it", bytes.to_vec()),
        ("one byte before", [b":", bytes, b" x"].concat()),
        ("two bytes before", [b"x:", bytes, b" xy"].concat()),
        ("UTF-16 LE", utf16(secret, u16::to_le_bytes)),
        ("UTF-16 BE", utf16(secret, u16::to_be_bytes)),
        ("DER", [&[0x31, length + 2, 0x13, length][..], bytes, &[0xa0, 0]].concat()),
    ]
}

fn each(bytes: &[u8], written: impl Fn(u8) -> String, between: &str) -> String {
    bytes.iter().map(|byte| written(*byte)).collect::<Vec<_>>().join(between)
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn wrapped(text: &str, width: usize) -> String {
    let lines = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

impl Form {
    /// True if an output shows a part of the form: as it is, or with other escapes, without colours and line ends.
    pub(super) fn is_in(&self, output: &str) -> bool {
        let flat: Vec<char> = flat(&self.text).chars().collect();
        let quarter = flat.len() / 4;
        let inner = &flat[quarter..flat.len() - quarter];
        let width = WINDOW.min(inner.len());
        let output = self::flat(&output.replace("&amp;", "&").replace("&quot;", "\""));
        inner.windows(width).any(|part| output.contains(&part.iter().collect::<String>()))
    }
}

/// A text without blanks, line ends, colours, NULs, and the backslashes of escapes.
fn flat(text: &str) -> String {
    let colours = r"(?:\x1b|\\+u(?:001b|\{1b\}))\[[0-9;]*m";
    let hidden = r"\\+u(?:200b|0000|\{200b\}|\{0\})|\\+0|\x00|\u{200b}|\\+n|\s";
    let hidden = Regex::new(&format!("{colours}|{hidden}")).unwrap();
    hidden.replace_all(text, "").replace('\\', "")
}

#[test]
fn forms_are_found_in_outputs_that_show_them() {
    for form in forms("qZ7&Mark3d+Secr3t/X9") {
        let json = serde_json::to_string(&form.text).unwrap();
        for shown in [&form.text, &json, &form.text.escape_debug().to_string()] {
            assert!(form.is_in(&format!("it says `{shown}` here")), "{}: {shown}", form.name);
        }
        assert!(!form.is_in("it says `****` here, and nothing else, qZ7&"), "{}", form.name);
    }
}
