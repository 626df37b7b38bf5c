use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::MASK;

fn masker(secrets: &[&str]) -> Masker {
    Masker::new(secrets.iter().map(|secret| Secret::new(*secret)))
}

#[test]
fn parts_of_secrets_at_a_cut_are_masked() {
    let masker = masker(&["correct-horse"]);
    assert_eq!(masker.cut_text("password correct-ho"), format!("password {MASK}"));
    assert_eq!(masker.cut_text("ect-horse and more"), format!("{MASK} and more"));
    assert_eq!(masker.cut_text("nothing of it"), "nothing of it");
    assert_eq!(masker.cut_text("in base64 Y29ycmVjdC1"), format!("in base64 {MASK}"));
    assert_eq!(masker.cut_text("correct&#45;ho"), MASK);
    assert_eq!(masker.cut_text("x %63%6f%72%72%65%6"), format!("x {MASK}%6"));
    assert_eq!(masker.cut_text("x %2563%256f%2572%2572%25"), format!("x {MASK}%25"));
    assert_eq!(masker.cut_text("5%63%74%2d%68%6f%72%73%65 x"), format!("5{MASK} x"));
    assert_eq!(masker.cut_text("x, 99 111 114 114 101 99 1"), format!("x, {MASK} 1"));
}

#[test]
fn secrets_are_masked_in_both_cases_of_hexadecimal() {
    let masker = masker(&["8CE31702", "8CE3"]);
    assert_eq!(masker.text("got 8CE31702 or 8ce31702, 8CE3!"), "got **** or ****, ****!");
}

#[test]
fn short_secret_is_masked_only_as_whole_word() {
    assert_eq!(masker(&["a"]).text("a cat: 'a', aa"), "**** cat: '****', aa");
    assert_eq!(masker(&["1"]).text("in 1.0 s, 11 tries, 1"), "in 1.0 s, 11 tries, ****");
    assert_eq!(masker(&["Valid"]).text("Invalid Valid Validity"), "Invalid **** Validity");
    assert_eq!(masker(&["Validi"]).text("InValidity"), "In****ty");
    assert_eq!(masker(&["s"]).text(r"usercert\s+Valid"), r"usercert\s+Valid");
    assert_eq!(masker(&["a&b"]).text("x=a&amp;b, a%26b"), "x=****, ****");
    assert_eq!(masker(&["a"]).text("YQ== 61 \x1b[1ma\x1b[0m"), "YQ== 61 \x1b[1m****\x1b[0m");
}

#[test]
fn short_secret_in_an_encoding_is_masked_only_as_whole_word() {
    let masker = masker(&["Valid"]);
    assert_eq!(masker.text("VmFsaWQ= 56616c6964"), "****= ****");
    assert_eq!(masker.text("xVmFsaWQx 0056616c696400"), "xVmFsaWQx 0056616c696400");
}

#[test]
fn overlapping_and_adjacent_secrets_are_one_mask() {
    let masker = masker(&["hunter22", "ter22-word", "hunter22-word-and-more"]);
    assert_eq!(masker.text("x hunter22-word y"), "x **** y");
    assert_eq!(masker.text("hunter22hunter22"), "****");
    assert_eq!(self::masker(&["nanane"]).text("bananananenanane"), "bana****");
}

#[test]
fn mask_is_not_masked_again() {
    let masker = masker(&["*", "****", "hunter22"]);
    assert_eq!(masker.text("a * b **** c **************** d"), "a * b **** c **************** d");
    assert_eq!(masker.text(&masker.text("hunter22 ****hunter22")), "**** ****");
}

/// A secret with characters that all encodings change.
const SECRET: &str = "qZ7&Mark3d+Sé\"cr3t/X9";

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

fn each_byte(bytes: &[u8], written: impl Fn(u8) -> String, between: &str) -> String {
    bytes.iter().map(|byte| written(*byte)).collect::<Vec<_>>().join(between)
}

fn wrapped(text: &str, width: usize) -> String {
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

fn forms() -> Vec<(String, String)> {
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
fn dump(bytes: &[u8]) -> String {
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
type Encoding = (&'static str, fn(&str) -> String);

/// Encodings that may be on top of each other.
const ENCODINGS: [Encoding; 13] = [
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

/// The documents of this repository are ordinary text, with examples of base64 and hexadecimal.
#[test]
fn ordinary_text_is_not_masked() {
    let with =
        masker(&["hunter22", "correct-horse", "8CE31702F0A1", "secret", "Sommer2026!", SECRET]);
    let without = masker(&["secret"]);
    for text in [
        include_str!("../../../../ARCHITECTURE.md"),
        include_str!("../../../../CONTRIBUTING.md"),
        include_str!("../../../../docs/reference/commands.md"),
        include_str!("../../../../scenarios/matrix-ledger.yaml"),
    ] {
        assert_eq!(with.text(text), without.text(text));
    }
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

#[test]
fn text_that_resembles_a_secret_is_not_masked() {
    let masker = masker(&["hunter22", "correct-horse", "12345678"]);
    for text in [
        "hunter2 hunterx22 Y29ycmVjd 68756e746572 123456 789, correct  horse",
        "usercert  Valid  2030-01-01  CN=a, O=b  serial 0A1B2C3D4E",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
        "GET /scep?operation=PKIOperation&message=MIIJ%2BgYJKoZIhvcNAQcCoIIJ6zCCCecCAQEx HTTP/1.1",
    ] {
        assert_eq!(masker.text(text), text);
    }
}

#[test]
fn words_of_our_messages_are_not_masked() {
    for secret in ["wrong", "challenge", "password", "request"] {
        let masker = masker(&[secret]);
        for message in [
            "wrong challenge password",
            "no challenge password in the request",
            "PKIOperation (PKCSReq) was answered FAILURE, badRequest",
        ] {
            assert_eq!(masker.text(message), message);
        }
        assert_eq!(
            masker.message(&format!("it is {secret} here: `{secret}`")),
            format!("it is {secret} here: `****`")
        );
        assert_eq!(
            masker.text(&format!("got {secret}x {secret} x")).matches(MASK).count(),
            if secret.len() > 5 { 2 } else { 1 }
        );
    }
    let denied = "was answered FAILURE, badRequest";
    assert_eq!(masker(&["badRequest", "FAILURE"]).text(denied), denied);
    assert_eq!(masker(&["hunter22"]).message("got hunter22"), "got ****");
}

#[test]
fn secret_that_is_broken_by_line_ends_is_masked_in_lines() {
    let lines = ["a", "x hun", "ter22 y", "hun", "b"].map(str::to_owned);
    assert_eq!(masker(&["hunter22"]).lines(&lines), ["a", "x ****", "**** y", "hun", "b"]);
    assert_eq!(masker(&["hunter22"]).lines(&[]), [""; 0]);
}

#[test]
fn private_keys_without_a_block_are_masked() {
    let key = openssl::rsa::Rsa::generate(1024).unwrap();
    let rsa = key.private_key_to_der().unwrap();
    let key = openssl::pkey::PKey::from_rsa(key).unwrap();
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    let sealed = key.private_key_to_pkcs8_passphrase(cipher, b"x").unwrap();
    let ed25519 = openssl::pkey::PKey::generate_ed25519().unwrap().private_key_to_der().unwrap();
    for der in [rsa, pkcs8, sealed, ed25519] {
        for form in [STANDARD.encode(&der), wrapped(&STANDARD.encode(&der), 64), hex::encode(&der)]
        {
            let masked = Masker::default().text(&format!("key: {form}, and more"));
            let lines = form.lines().count();
            let expected = vec![MASK; lines].join("\n");
            assert_eq!(masked, format!("key: {expected}, and more"));
            let json = format!("{{\"key\": \"{}\"}}", form.replace('\n', "\\n"));
            assert_eq!(Masker::default().text(&json), "{\"key\": \"****\"}");
        }
    }
    let public = STANDARD.encode(key.public_key_to_der().unwrap());
    assert_eq!(Masker::default().text(&public), public);
}

#[test]
fn text_that_repeats_the_beginning_of_secrets_is_searched_in_linear_time() {
    let secrets = (0..200).map(|number| Secret::new(format!("{}{number}", "a".repeat(40))));
    let masker = Masker::new(secrets);
    // With work that grows with the square of the length, each of these would take minutes.
    for part in ["a", "%61", "&#97;", "\x1b]", "MII", "30", "\\", "&", "://a:b", "##[", "M "] {
        let text = part.repeat(60_000 / part.len());
        assert_eq!(masker.text(&text), text);
    }
}

#[test]
fn escapes_of_escapes_are_masked_wherever_the_text_is_cut() {
    let secret = "qZ7&Mark3d+Secr3t/X9";
    let percent = |text: &str| each_byte(text.as_bytes(), |byte| format!("%{byte:02x}"), "");
    let masker = Masker::new([Secret::new(secret)]);
    let mut form = secret.to_owned();
    for level in 1..=3_u32 {
        form = percent(&form);
        let a_byte = 3_usize.pow(level);
        // What shows fewer bytes of the secret is too short to be known as its beginning.
        for end in 8 * a_byte..=form.len() {
            let result = masker.cut_text(&format!("refused: {}", &form[..end]));
            let shown = result.strip_prefix("refused: ****");
            let shown = shown.unwrap_or_else(|| panic!("level {level}, cut at {end}: {result}"));
            assert!(shown.len() < 2 * a_byte, "level {level}, cut at {end}: {result}");
        }
    }
}

#[test]
fn dump_in_a_list_of_strings_is_masked() {
    let (masker, secret) = (Masker::new([Secret::new(SECRET)]), SECRET.as_bytes());
    let list = [b"nothing".repeat(30).as_slice(), secret, b"first", secret].map(dump);
    let text = format!("[\"{}\"]", list.join("\",\"").replace('\n', "\\n"));
    let result = masker.text(&text);
    assert_eq!(result.matches("****").count(), 2, "{result}");
}
