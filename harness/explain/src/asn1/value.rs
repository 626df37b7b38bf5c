//! The value of an element in a few words.

use openssl::asn1::Asn1Object;
use scep::{content::latin_1, message::AttributeName, secret::MASK};

/// The object identifier of the challenge password (RFC 2985 §5.4.1).
pub(super) const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

/// The type of an element by its tag.
pub(crate) fn type_name(tag: u8) -> String {
    let name = match tag {
        0x01 => "BOOLEAN",
        0x02 => "INTEGER",
        0x03 | 0x23 => "BIT STRING",
        0x04 | 0x24 => "OCTET STRING",
        0x05 => "NULL",
        0x06 => "OBJECT IDENTIFIER",
        0x0a => "ENUMERATED",
        0x0c => "UTF8String",
        0x12 => "NumericString",
        0x13 => "PrintableString",
        0x14 => "TeletexString",
        0x16 => "IA5String",
        0x17 => "UTCTime",
        0x18 => "GeneralizedTime",
        0x1a => "VisibleString",
        0x1b => "GeneralString",
        0x1c => "UniversalString",
        0x1e => "BMPString",
        0x30 => "SEQUENCE",
        0x31 => "SET",
        tag if tag & 0xc0 == 0x80 => return format!("[{}]", tag & 0x1f),
        tag if tag & 0xc0 == 0x40 => return format!("[APPLICATION {}]", tag & 0x1f),
        tag if tag & 0xc0 == 0xc0 => return format!("[PRIVATE {}]", tag & 0x1f),
        tag => return format!("tag 0x{tag:02X}"),
    };
    name.to_owned()
}

/// The value of a primitive element; a secret one is masked.
pub(super) fn value(tag: u8, content: &[u8], is_secret: bool) -> Option<String> {
    Some(match tag {
        0x05 => return None,
        0x06 => object_identifier(content),
        _ if is_secret => MASK.to_owned(),
        0x01 => if content == [0] { "FALSE" } else { "TRUE" }.to_owned(),
        0x02 | 0x0a => integer(content),
        0x0c | 0x12..=0x14 | 0x16..=0x18 | 0x1a | 0x1b => {
            let text = String::from_utf8(content.to_vec()).unwrap_or_else(|_| latin_1(content));
            quoted(&text)
        }
        0x1e => {
            let (units, _) = content.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            quoted(&String::from_utf16_lossy(&units))
        }
        _ => digits(content),
    })
}

fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let start: String = text.chars().take(LONGEST).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", start.escape_debug())
}

fn digits(content: &[u8]) -> String {
    const SHOWN: usize = 20;
    let start = hex::encode(&content[..content.len().min(SHOWN)]);
    if content.len() > SHOWN { format!("{start}…") } else { start }
}

fn integer(content: &[u8]) -> String {
    match content {
        [] => "empty".to_owned(),
        [first, ..] if content.len() <= 8 => {
            let sign = if *first < 0x80 { 0 } else { -1 };
            content
                .iter()
                .fold(sign, |number: i64, octet| number << 8 | i64::from(*octet))
                .to_string()
        }
        long => digits(long),
    }
}

/// An object identifier with its name, if it has one.
fn object_identifier(content: &[u8]) -> String {
    let Some(dotted) = dotted(content) else {
        return format!("an unreadable one, {}", digits(content));
    };
    match name(&dotted) {
        Some(name) => format!("{dotted} {name}"),
        None => dotted,
    }
}

/// The numbers of an object identifier.
pub(super) fn dotted(content: &[u8]) -> Option<String> {
    const MOST: usize = 64;
    if content.last()? & 0x80 != 0 || content.len() > MOST {
        return None;
    }
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for octet in content {
        number = number.checked_mul(128)? + u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= first * 40;
            }
            numbers.push(number);
            number = 0;
        }
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    Some(numbers.join("."))
}

/// Names that OpenSSL does not have.
const NAMES: [(&str, &str); 4] = [
    ("1.3.6.1.4.1.311.21.33", "szOID_ENROLL_SCEP_ERROR"),
    ("1.3.6.1.4.1.311.21.38", "szOID_ENROLL_SCEP_SERVER_MESSAGE"),
    ("1.3.6.1.4.1.311.2.1.14", "szOID_CERT_EXTENSIONS"),
    ("1.3.6.1.4.1.311.21.7", "szOID_CERTIFICATE_TEMPLATE"),
];

/// The name of a dotted object identifier.
pub(crate) fn name(dotted: &str) -> Option<String> {
    if let Some(attribute) = AttributeName::of_oid(dotted) {
        return Some(attribute.as_str().to_owned());
    }
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == dotted) {
        return Some((*name).to_owned());
    }
    let nid = Asn1Object::from_str(dotted).ok()?.nid();
    if nid == openssl::nid::Nid::UNDEF {
        return None;
    }
    nid.short_name().ok().map(str::to_owned)
}
