//! The forms in which a peer may send a password back, and a search for them that shares no code with the masker.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::Regex;

use super::sceplab::Ended;

/// Number of adjacent characters of a form that give a secret away.
const WINDOW: usize = 12;

/// A form of a secret.
pub(crate) struct Form {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Forms that were found, by the output that shows them.
pub(crate) type Found = BTreeMap<String, Vec<String>>;

/// A secret with characters that encodings change.
pub(crate) const SECRET: &str = "qZ7&Mark3d+Secr3t/X9";

const REPORTS: [&str; 3] = ["junit=r.xml", "json=r.json", "markdown=r.md"];

/// The number of outputs of a run that writes all reports.
pub(crate) const WITH_REPORTS: usize = 2 + REPORTS.len();

/// The options for all reports.
pub(crate) fn reports() -> Vec<&'static str> {
    REPORTS.iter().flat_map(|report| ["--report", report]).collect()
}

/// Both outputs of a run and the reports that it wrote into its folder, by name.
pub(crate) fn sinks(ended: &Ended, folder: &Path) -> Vec<(&'static str, String)> {
    let mut sinks = vec![("stdout", ended.stdout.clone()), ("stderr", ended.stderr.clone())];
    for report in REPORTS {
        let name = report.split_once('=').unwrap().1;
        sinks.extend(fs::read_to_string(folder.join(name)).ok().map(|text| (name, text)));
    }
    sinks
}

/// Adds the forms that these outputs show, by the name of the output.
#[track_caller]
pub(crate) fn add(found: &mut Found, form: &Form, sinks: &[(&str, String)]) {
    for (sink, _) in sinks.iter().filter(|(_, text)| form.is_in(text)) {
        found.entry((*sink).to_owned()).or_default().push(form.name.clone());
    }
}

/// The same for several forms.
#[track_caller]
pub(crate) fn add_all(found: &mut Found, forms: &[Form], sinks: &[(&str, String)]) {
    for form in forms {
        add(found, form, sinks);
    }
}

#[track_caller]
pub(crate) fn assert_nothing_found(found: &Found) {
    let count: usize = found.values().map(Vec::len).sum();
    assert!(found.is_empty(), "{count} forms are shown: {found:#?}");
}

/// All forms of a secret.
pub(crate) fn forms(secret: &str) -> Vec<Form> {
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
        ("XML, no semicolons", each(bytes, |byte| format!("&#{byte}"), "")),
        ("mail", each(bytes, |byte| format!("={byte:02X}"), "")),
        ("C", each(bytes, |byte| format!("\\x{byte:02x}"), "")),
        ("full width", secret.chars().map(full_width).collect()),
        ("base32", base32(bytes)),
        ("xxd", dump(bytes)),
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
    forms.extend(encodings_of_encodings(secret));
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

/// One encoding on top of another, and a third on top of both.
fn encodings_of_encodings(secret: &str) -> Vec<Form> {
    let percent = |text: &str| each(text.as_bytes(), |byte| format!("%{byte:02x}"), "");
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let hexadecimal = |text: &str| each(text.as_bytes(), |byte| format!("{byte:02x}"), "");
    let base64 = |text: &str| STANDARD.encode(text);
    let forms = [
        ("percent twice", percent(&percent(secret))),
        ("JSON in JSON", json(&json(&format!("\"{secret}")))),
        ("base64 of percent", base64(&percent(secret))),
        ("base64 of base64", base64(&base64(secret))),
        ("hexadecimal of base64", hexadecimal(&base64(secret))),
        ("base32 of JSON", base32(json(&format!("\"{secret}")).as_bytes())),
        ("percent of hexadecimal of base64", percent(&hexadecimal(&base64(secret)))),
        ("base64 of hexadecimal of percent", base64(&hexadecimal(&percent(secret)))),
        ("xxd of base64", dump(base64(secret).as_bytes())),
        ("base64 backwards", base64(secret).chars().rev().collect()),
        ("base64 of it backwards", base64(&secret.chars().rev().collect::<String>())),
    ];
    forms.map(|(name, text)| Form { name: name.to_owned(), text }).into()
}

fn full_width(character: char) -> char {
    let wide = char::from_u32(u32::from(character) + 0xfee0);
    if character.is_ascii_graphic() { wide.unwrap() } else { character }
}

/// Base32 (RFC 4648 §6) without padding.
fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let digit = |first: usize| (first..first + 5).fold(0, |digit, at| digit << 1 | bit(at));
    let digits = (0..bytes.len() * 8).step_by(5).map(digit);
    digits.map(|digit| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[digit])).collect()
}

/// A dump as `xxd` prints it.
fn dump(bytes: &[u8]) -> String {
    let line = |(line, number): (&[u8], usize)| {
        let cells: Vec<String> =
            line.chunks(2).map(|two| each(two, |byte| format!("{byte:02x}"), "")).collect();
        let shown = String::from_utf8_lossy(line);
        format!("{:08x}: {:39}  {shown}", number * 16, cells.join(" "))
    };
    bytes.chunks(16).zip(0..).map(line).collect::<Vec<_>>().join("\n")
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
    pub(crate) fn is_in(&self, output: &str) -> bool {
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
