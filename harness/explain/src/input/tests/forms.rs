use std::{fmt::Write as _, io::Write as _};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use flate2::{Compression, write::GzEncoder};
use scep::http::percent_encoded;

use super::*;

type Form = (&'static str, fn(&[u8]) -> Vec<u8>);

/// The forms of bytes, each with the words that it is taken for.
const FORMS: [Form; 34] = [
    ("base64", |m| base64(m).into()),
    ("base64", |m| wrapped(&base64(m), 76, "\r\n").into()),
    ("base64", |m| wrapped(&base64(m), 64, "\n    ").into()),
    ("base64, without padding", |m| STANDARD_NO_PAD.encode(m).into()),
    ("base64, url-safe", |m| URL_SAFE.encode(m).into()),
    ("base64, url-safe, without padding", |m| URL_SAFE_NO_PAD.encode(m).into()),
    ("base64, percent-escaped", |m| percent_encoded(&base64(m)).into()),
    ("base64, percent-escaped", |m| percent_encoded(&wrapped(&base64(m), 64, "\n")).into()),
    ("base64, percent-escaped twice", |m| percent_encoded(&percent_encoded(&base64(m))).into()),
    ("base64, with blanks for `+`", |m| base64(m).replace('+', " ").into()),
    ("base64, with blanks for `+`", |m| wrapped(&base64(m), 64, "\n").replace('+', " ").into()),
    ("base64", |m| format!("\"{}\"\n", base64(m)).into()),
    ("base64", |m| format!("message={}", base64(m)).into()),
    ("base64", |m| format!("{{\"id\": 7, \"payload\": \"{}\"}}", base64(m)).into()),
    ("base64, with escapes of a string", |m| {
        format!("{{\"id\": 7, \"payload\": \"{}\"}}", wrapped(&base64(m), 64, "\\n")).into()
    }),
    ("base64", |m| {
        format!("The request is:\n\n{}\n\nand it fails.", wrapped(&base64(m), 64, "\n")).into()
    }),
    ("base64", |m| format!("12:00:01 scepd[7]: got {} from 192.0.2.7", base64(m)).into()),
    ("PEM `PKCS7`", |m| pem("PKCS7", m).into()),
    ("PEM `CMS`", |m| {
        format!("Hello,\n> {}\nbye", pem("CMS", m).trim().replace('\n', "\n> ")).into()
    }),
    ("PEM `CMS`, without its last line", |m| pem("CMS", m).replace("-----END CMS-----", "").into()),
    ("PEM `CMS`", |m| pem("CMS", m).replace('\n', " ").into()),
    ("hexadecimal digits", |m| hex(m, "", "").into()),
    ("hexadecimal digits", |m| wrapped(&hex(m, "", ""), 60, "\n").into()),
    ("hexadecimal digits", |m| format!("0x{}", hex(m, "", "")).into()),
    ("hexadecimal digits with colons", |m| hex(m, "", ":").to_uppercase().into()),
    ("hexadecimal digits", |m| wrapped(&hex(m, "", " "), 48, "\n").into()),
    ("hexadecimal digits", |m| format!("msg {} end", hex(m, "", "")).into()),
    ("array of hexadecimal numbers", |m| format!("{{ {} }};", hex(m, "0x", ", ")).into()),
    ("array of decimal numbers", |m| format!("{m:?}").into()),
    ("string with escaped bytes", |m| format!("\"{}\"", hex(m, "\\x", "")).into()),
    ("string with escaped bytes", |m| format!("b\"{}\"", m.escape_ascii()).into()),
    ("hex dump as of Wireshark", |m| dump(m, |at| format!("{at:04x}  "), " ", "   ").into()),
    ("hex dump as of OpenSSL", |m| dump(m, |at| format!("{at:04x} -"), " ", "   ").into()),
    ("hex dump", |m| dump(m, |at| format!("12[LIB] {at:5}:"), " ", "  ").into()),
];

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn hex(bytes: &[u8], before: &str, between: &str) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{before}{byte:02x}")).collect();
    digits.join(between)
}

fn wrapped(text: &str, width: usize, end: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
    lines.join(end)
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let body = wrapped(&base64(bytes), 64, "\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// A dump with 16 bytes in each line, and their characters.
fn dump(bytes: &[u8], offset: fn(usize) -> String, between: &str, gap: &str) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(16).enumerate() {
        let digits = hex(line, between, "");
        let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        let characters: String = line.iter().map(shown).collect();
        let width = 16 * (2 + between.len());
        writeln!(text, "{}{digits:width$}{gap}{characters}", offset(number * 16)).unwrap();
    }
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn message_is_the_same_in_every_form() {
    for message in messages() {
        for (number, (form, make)) in FORMS.into_iter().enumerate() {
            let input = make(&message);
            let item = one(&input);
            let shown = String::from_utf8_lossy(&input[..input.len().min(200)]).into_owned();
            assert!(
                item.content == Content::Bytes(message.clone()),
                "{number} {form}: {:?}\n{shown}",
                item.taken_for
            );
            let notes = item.taken_for[0].replace(", without padding", "");
            let expected = form.replace(", without padding", "");
            assert_eq!(notes, expected, "{number}\n{shown}");
        }
    }
}

#[test]
fn forms_may_be_inside_one_another() {
    let message = message();
    for (_, make) in FORMS {
        let packed = gzip(&make(&message));
        assert_eq!(bytes_of(&packed), message);
        assert_eq!(bytes_of(base64(&packed).as_bytes()), message);
    }
    let request = seed("http_head/scepclient-2.1.0-pkioperation.http");
    let dumped = gzip(dump(&request, |at| format!("{at:08x}:"), " ", "  ").as_bytes());
    let item = one(&dumped);
    assert_eq!(item.taken_for, ["gzip", "hex dump", "HTTP request"]);
    assert_eq!(sent(exchange(&item)), message);
}

#[test]
fn nesting_is_bounded() {
    let mut deep = message();
    for _ in 0..20 {
        deep = gzip(&deep);
    }
    let words = words(&deep);
    assert!(words.contains("more than 6 forms inside one another"), "{words}");
}

#[test]
fn text_in_utf_16_is_read() {
    let text = pem("CMS", &message());
    let units: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let item = one(&units);
    assert_eq!(item.taken_for, ["text in UTF-16", "PEM `CMS`", "DER"]);
    assert_eq!(bytes_of(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), message());
}

#[test]
fn der_and_ber_are_told_apart() {
    assert_eq!(one(&message()).taken_for, ["DER"]);
    assert_eq!(one(&seed("ber/get-cert.der")).taken_for, ["BER"]);
    let cut = &message()[..1000];
    let item = one(cut);
    assert_eq!(item.taken_for, ["DER, cut off: 2476 bytes are announced, 1000 are there"]);
    assert_eq!(item.content, Content::Bytes(cut.to_vec()));
    assert_eq!(bytes_of(base64(cut).as_bytes()), cut);
}

#[test]
fn several_messages_have_their_places() {
    let [first, second] = [message(), seed("message/certs-only.der")];
    let text = format!("key\n{}and\n{}", pem("CMS", &first), pem("CERTIFICATE", &second));
    let items = read(text.as_bytes());
    let origins: Vec<&str> = items.iter().map(|item| &*item.origin).collect();
    let lines = first.len().div_ceil(48) + 5;
    assert_eq!(origins, ["input, line 2", &format!("input, line {lines}")]);
    let text = format!("one {}\n\n two:{}", base64(&first), base64(&second));
    assert_eq!(read(text.as_bytes()).len(), 2);
    let dumps =
        [&first, &second].map(|message| dump(message, |at| format!("{at:04x} "), " ", "  "));
    let items = read(dumps.join("\n").as_bytes());
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].content, Content::Bytes(second));
}

#[test]
fn get_is_the_same_in_queries_and_logs() {
    for message in messages() {
        let escaped =
            format!("operation=PKIOperation&message={}", percent_encoded(&base64(&message)));
        let blanks =
            format!("operation=PKIOperation&message={}", base64(&message).replace('+', " "));
        for input in [
            escaped.clone(),
            blanks.clone(),
            format!("?{escaped}"),
            format!("http://ca.example/scep?{escaped}"),
            format!("GET /scep?{escaped} HTTP/1.1"),
            format!("GET /scep?{blanks} HTTP/1.1\nHost: ca.example\n\n"),
            format!(
                "192.0.2.7 - - [29/Nov/2026:12:46:31 +0000] \"GET /scep?{escaped} HTTP/1.1\" 200 9 \"-\" \"x\""
            ),
            format!(
                "2026-11-29 12:46:31 192.0.2.1 GET /scep {escaped} 80 - 192.0.2.7 x - 200 0 0 15"
            ),
            format!(
                "> GET /scep?{escaped} HTTP/1.1\n> Host: ca.example\n>\n< HTTP/1.1 403 No\n< \n"
            ),
        ] {
            let item = one(input.as_bytes());
            assert!(sent(exchange(&item)) == message, "{:?} {}", item.taken_for, &input[..99]);
        }
    }
}

#[test]
fn http_messages_are_put_together() {
    let request = seed("http_head/scepclient-2.1.0-pkioperation.http");
    let reply = seed("message/step-ca-0.19-granted.der");
    let packed = gzip(&reply);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let input = [&request, head.as_bytes(), &packed, &request].concat();
    let items = read(&input);
    assert_eq!(items.len(), 2);
    let first = exchange(&items[0]);
    assert_eq!(sent(first), message());
    assert_eq!(first.reply.as_ref().map(|reply| &*reply.body), Some(&*reply));
    assert!(first.gaps.is_empty(), "{:?}", first.gaps);
}

#[test]
fn what_servers_answer_as_text_is_taken_as_it_is() {
    assert_eq!(bytes_of(b"POSTPKIOperation\nSHA-256\n"), b"POSTPKIOperation\nSHA-256\n");
    let page = b"<HTML><Head><Title>Network Device Enrollment Service</Title></Head></HTML>";
    assert_eq!(one(page).taken_for, ["web page"]);
}

#[test]
fn errors_say_what_came_and_what_helps() {
    for (input, expected) in [
        (&b""[..], "it looks like nothing: it is empty"),
        (b"hello world, this is no message", "it looks like plain text of 31 bytes"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "capture behind the end of TLS"),
        (
            b"-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n",
            "give it with `--key`",
        ),
        (
            b"\x1f\x8b\x08\x00nonsense",
            "tried as gzip, unpacked to byte 1, where it ends early: what is in it is plain text",
        ),
        (
            b"=> Send header, 17 bytes (0x11)\n0000: GET / HTTP/1.1\n",
            "`curl --trace FILE` writes them",
        ),
        (b"Certificate:\n    Data:\n        Version: 3 (0x2)\n", "hand in the PEM or DER itself"),
    ] {
        let words = words(input);
        assert!(words.contains(expected), "{words}");
        assert!(words.starts_with("`input` has no message in it"), "{words}");
    }
}

#[test]
fn listing_without_values_is_explained() {
    let listing = "    0:d=0  hl=4 l=2506 cons: SEQUENCE          \n    4:d=1  hl=2 l=   9 prim: OBJECT            :pkcs7-signedData\n   15:d=1  hl=4 l=2491 cons: cont [ 0 ]        \n   19:d=2  hl=2 l=   4 prim: BIT STRING        \n";
    let words = words(listing.as_bytes());
    assert!(
        words.contains("which lacks the value of `BIT STRING` in line 4: make it with `-dump`"),
        "{words}"
    );
}
