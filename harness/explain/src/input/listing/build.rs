//! Elements of a listing made into bytes again.

use openssl::asn1::Asn1Object;

use super::asn1parse::Element;

/// The deepest nesting that is built.
const MAX_DEPTH: usize = 64;

/// The longest value, in bytes.
const MAX_LENGTH: usize = 64 * 1024 * 1024;

const CONSTRUCTED: u8 = 0x20;
const APPLICATION: u8 = 0x40;
const CONTEXT: u8 = 0x80;

/// The types that a listing names, by their tags (X.680 §8.4).
const TYPES: [(&str, u8); 21] = [
    ("EOC", 0),
    ("BOOLEAN", 1),
    ("INTEGER", 2),
    ("BIT STRING", 3),
    ("OCTET STRING", 4),
    ("NULL", 5),
    ("OBJECT", 6),
    ("ENUMERATED", 10),
    ("UTF8STRING", 12),
    ("SEQUENCE", 16),
    ("SET", 17),
    ("NUMERICSTRING", 18),
    ("PRINTABLESTRING", 19),
    ("T61STRING", 20),
    ("IA5STRING", 22),
    ("UTCTIME", 23),
    ("GENERALIZEDTIME", 24),
    ("VISIBLESTRING", 26),
    ("GENERALSTRING", 27),
    ("UNIVERSALSTRING", 28),
    ("BMPSTRING", 30),
];

/// The bytes that a listing was made of.
///
/// # Errors
/// If values are missing: which, in words.
pub(super) fn bytes(elements: &[Element]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = elements;
    while !rest.is_empty() {
        let (encoded, after) = one(rest, 0)?;
        bytes.extend(encoded);
        rest = after;
    }
    Ok(bytes)
}

/// The first element with those inside it, and the elements after it.
fn one(elements: &[Element], depth: usize) -> Result<(Vec<u8>, &[Element]), String> {
    let (element, mut rest) = elements.split_first().ok_or("which has no element")?;
    if depth > MAX_DEPTH {
        return Err(format!("which is nested deeper than {MAX_DEPTH} levels"));
    }
    let lacks = |what: &str| {
        let Element { line, name, .. } = element;
        format!("which lacks {what} of `{name}` in line {line}")
    };
    let tag = tag(element).ok_or_else(|| lacks("the type"))?;
    let value = if element.is_constructed {
        let mut value = Vec::new();
        while rest.first().is_some_and(|next| next.depth > element.depth) {
            let (inner, after) = one(rest, depth + 1)?;
            value.extend(inner);
            rest = after;
        }
        value
    } else {
        value(element).ok_or_else(|| lacks("the value"))?
    };
    if element.length.is_some_and(|length| length != value.len() || length > MAX_LENGTH) {
        return Err(lacks("a part"));
    }
    let mut encoded = vec![tag];
    encoded.extend(length_octets(element.length));
    encoded.extend(value);
    Ok((encoded, rest))
}

fn tag(element: &Element) -> Option<u8> {
    let constructed = if element.is_constructed { CONSTRUCTED } else { 0 };
    let of_class = |class: &str, bits: u8| {
        let number =
            element.name.strip_prefix(class)?.trim().strip_prefix('[')?.strip_suffix(']')?;
        let number: u8 = number.trim().parse().ok()?;
        (number < 31).then_some(bits | constructed | number)
    };
    let universal = TYPES.iter().find(|(name, _)| *name == element.name);
    universal
        .map(|(_, tag)| tag | constructed)
        .or_else(|| of_class("cont", CONTEXT))
        .or_else(|| of_class("appl", APPLICATION))
}

fn value(element: &Element) -> Option<Vec<u8>> {
    let length = element.length?;
    if length == 0 {
        return Some(Vec::new());
    }
    if let Some(dumped) = &element.dumped {
        return Some(dumped.clone());
    }
    let text = element.value.as_deref()?;
    if let Some(digits) = text.strip_prefix("[HEX DUMP]:").or_else(|| {
        let (mark, digits) = text.split_once(':')?;
        (mark == "[HEX DUMP]").then_some(digits)
    }) {
        return crate::input::hexadecimal::decoded(digits.trim());
    }
    match &*element.name {
        "OBJECT" => Some(Asn1Object::from_str(text.trim()).ok()?.as_slice().to_vec()),
        "INTEGER" | "ENUMERATED" => number(text.trim(), length),
        "BOOLEAN" => Some(vec![text.trim().parse().ok()?]),
        _ => Some(text.as_bytes().to_vec()),
    }
}

/// A number that is not negative, with as many zeros before it as its length asks for.
fn number(digits: &str, length: usize) -> Option<Vec<u8>> {
    let digits = crate::input::hexadecimal::decoded(digits)?;
    let zeros = length.checked_sub(digits.len()).filter(|zeros| *zeros <= 1)?;
    Some([vec![0; zeros], digits].concat())
}

/// The length, definite and minimal, or indefinite.
fn length_octets(length: Option<usize>) -> Vec<u8> {
    let Some(length) = length else { return vec![0x80] };
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        return vec![short];
    }
    let octets: Vec<u8> =
        length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    let count = u8::try_from(octets.len()).unwrap_or(u8::MAX);
    [vec![0x80 | count], octets].concat()
}
