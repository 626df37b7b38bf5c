//! DER, as far as the inputs need it.

/// An element.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let length = &length[content.len().leading_zeros() as usize / 8..];
    let head = match length {
        [] => vec![tag, 0],
        [short @ ..=0x7f] => vec![tag, *short],
        long => [&[tag, 0x80 | u8::try_from(long.len()).unwrap()], long].concat(),
    };
    [head, content].concat()
}

/// The elements in an element.
pub(crate) fn children(element: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &element[head(element)..];
    let mut children = Vec::new();
    while !rest.is_empty() {
        let end = head(rest) + length(rest);
        children.push(rest[..end].to_vec());
        rest = &rest[end..];
    }
    children
}

/// The content of an element.
pub(crate) fn content(element: &[u8]) -> &[u8] {
    &element[head(element)..]
}

/// An object identifier.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let oid = openssl::asn1::Asn1Object::from_str(dotted).unwrap();
    tlv(6, &[oid.as_slice()])
}

fn head(element: &[u8]) -> usize {
    if element[1] & 0x80 == 0 { 2 } else { 2 + usize::from(element[1] & 0x7f) }
}

fn length(element: &[u8]) -> usize {
    match &element[2..head(element)] {
        [] => element[1].into(),
        long => long.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
    }
}
