//! What bytes are taken for.

use super::*;

fn named(bytes: &[u8]) -> String {
    Content::of(bytes).to_string()
}

#[test]
fn kinds_of_text_are_distinguished() {
    for (body, words) in [
        ("", "an empty body"),
        ("ERROR: no such profile\nsecond", "plain text: `ERROR: no such profile`"),
        (
            r#"{"message":"challenge password is invalid"}"#,
            "JSON: `{\"message\":\"challenge password is invalid\"}`",
        ),
        ("[\n  {\n    \"code\": 7\n  }\n]", "JSON: `[ { \"code\": 7 } ]`"),
        ("[error] no such profile", "plain text: `[error] no such profile`"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "PEM with the label `CERTIFICATE`"),
        ("subject=CN\n-----BEGIN X509 CRL-----\n", "PEM with the label `X509 CRL`"),
        (
            "<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict/></plist>",
            "an XML property list: `<plist version=\"1.0\">`",
        ),
        (
            "<plist version=\"1.0\"><dict><string>a secret of a phone</string></dict></plist>",
            "an XML property list: `<plist version=\"1.0\">`",
        ),
        ("<soap:Envelope><soap:Body/></soap:Envelope>", "XML: `<soap:Envelope>`"),
        (
            "<Error><Code>NoSuchTenantAtThisService</Code><Message>no such tenant</Message></Error>",
            "XML: `<Error>`: `no such tenant`",
        ),
        ("MIME-Version: 1.0\r\n\r\nMIIB", "a MIME message: `MIME-Version: 1.0`"),
        ("%PDF-1.4\n1 0 obj", "a PDF document"),
        ("\u{feff}hello", "plain text: `hello`"),
        ("8CE317021F690069", "plain text: `8CE317021F690069`"),
    ] {
        assert_eq!(named(body.as_bytes()), words);
    }
}

#[test]
fn pictures_are_named() {
    assert_eq!(named(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG picture");
    assert_eq!(named(b"\xff\xd8\xff\xe0\0\x10JFIF"), "a JPEG picture");
    assert_eq!(named(b"GIF89a\x01\0\x01\0"), "a GIF picture");
    assert_eq!(named(b"\0\0\x01\0\x01\0\x10\x10"), "an icon");
}

#[test]
fn content_type_says_what_text_without_marks_is() {
    let typed = |body: &str, named| Content::of(body.as_bytes()).with_type(named);
    for (body, named, words) in [
        ("busy", "text/html", "a web page (`text/html`): `busy`"),
        ("busy", "Text/HTML; charset=utf-8", "a web page (`Text/HTML; charset=utf-8`): `busy`"),
        ("busy", "text/plain", "plain text (`text/plain`): `busy`"),
        ("busy", "application/json", "plain text (`application/json`): `busy`"),
        ("\"busy\"", "application/json", "JSON (`application/json`): `\"busy\"`"),
        ("null", "application/json", "JSON (`application/json`): `null`"),
        ("{}", "text/html", "JSON (`text/html`): `{}`"),
        ("", "text/html", "an empty body (`text/html`)"),
    ] {
        assert_eq!(typed(body, Some(named)), words);
    }
    assert_eq!(typed("busy", None), "plain text (no content type): `busy`");
}

#[test]
fn byte_order_mark_is_named_unless_a_text_follows() {
    let marked = |rest: &[u8]| named(&[b"\xef\xbb\xbf", rest].concat());
    let mark = "a UTF-8 byte order mark (EFBBBF) before ";
    assert_eq!(marked(b"<html><title>x</title>"), "a web page with the title `x`");
    assert_eq!(marked(b"denied"), "plain text: `denied`");
    assert_eq!(marked(b"{}"), "JSON: `{}`");
    let pem = b"-----BEGIN CERTIFICATE-----\nMIIB";
    assert_eq!(marked(pem), format!("{mark}PEM with the label `CERTIFICATE`"));
    assert_eq!(marked(b"\x1f\x8b\x08"), format!("{mark}compressed data (gzip)"));
    // A SEQUENCE, and base64 of it.
    let asn1 = [&[0x30, 0x10][..], &[2, 14], &[1; 14]].concat();
    assert_eq!(marked(&asn1), format!("{mark}{}", named(&asn1)));
    assert_eq!(marked(b"MBACDgEBAQEBAQEBAQEBAQEB"), format!("{mark}base64 of {}", named(&asn1)));
    // As deep as it is long, if each mark were looked behind by itself.
    let many = b"\xef\xbb\xbf".repeat(100_000);
    assert_eq!(Content::of(&many).kind(), "bytes of an unknown form");
}

#[test]
fn text_in_other_encodings_is_read() {
    let utf16 = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let little: Vec<u8> = utf16("\u{feff}denied").into_iter().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = utf16("\u{feff}denied").into_iter().flat_map(u16::to_be_bytes).collect();
    assert_eq!(named(&little), "plain text: `denied`");
    assert_eq!(named(&big), "plain text: `denied`");
    assert_eq!(
        named(b"Zugriff verweigert: ung\xfcltig"),
        "plain text: `Zugriff verweigert: ungültig`"
    );
}

#[test]
fn other_protocols_are_recognised_by_their_first_bytes() {
    for (bytes, words) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00"[..], "TLS (the beginning of a handshake)"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS (alert 40, handshake_failure)"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS (alert 70, protocol_version)"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80", "HTTP/2"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n", "another HTTP message: `HTTP/1.1 302 Found`"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH: `SSH-2.0-OpenSSH_9.2p1`"),
        (b"220 mail.example.com ESMTP", "plain text: `220 mail.example.com ESMTP`"),
        (b"\x1f\x8b\x08\x00\x00", "compressed data (gzip)"),
        (b"\xff\x00\x01", "bytes of an unknown form (3 bytes, the first are FF0001)"),
        (b"Secr3tPw9\x01\x02", "bytes of an unknown form (11 bytes, the first are 536563)"),
    ] {
        assert_eq!(named(bytes), words);
    }
}

#[test]
fn long_and_hostile_text_is_shortened_and_escaped() {
    let told = named(format!("a\u{1b}[31m{}", "x".repeat(1_000_000)).as_bytes());
    assert!(told.contains(r"\u{1b}") && told.ends_with("…`"), "{told}");
    assert!(told.chars().count() < SHOWN + 40, "{told}");
}
