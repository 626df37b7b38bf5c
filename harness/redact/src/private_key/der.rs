//! Private keys in DER that are printed in base64 or hexadecimal, recognised by their beginning.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Digits that are decoded to recognise a key; a multiple of four.
const LOOKED_AT: usize = 64;

/// The shortest key, in bytes: one for Ed25519 has 48.
const SHORTEST: usize = 32;

/// OBJECT IDENTIFIERs, as they begin: PBES2 and the older encryptions of PKCS #5 and PKCS #12, and the data of a PKCS #12 file.
const PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// The places of keys in a text.
pub(super) fn found(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        // Most bytes begin no key.
        let kind = [&BASE64, &HEXADECIMAL].into_iter().find(|kind| kind.begin[0] == text[at]);
        let end = kind.and_then(|kind| key_in(text, at, kind));
        if let Some(end) = end {
            found.push(at..end);
        }
        at = end.unwrap_or(at + 1);
    }
    found
}

/// How bytes are printed.
struct Digits {
    /// The digits of the first byte of a key.
    begin: &'static [u8],
    is_digit: fn(u8) -> bool,
    /// True for what may be between digits.
    is_between: fn(u8) -> bool,
    /// Number of digits for a number of bytes.
    of_bytes: fn(usize) -> usize,
    decode: fn(&[u8]) -> Option<Vec<u8>>,
}

const BASE64: Digits = Digits {
    begin: b"M",
    is_digit: |byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
    is_between: |byte| byte.is_ascii_whitespace(),
    of_bytes: |bytes| bytes.div_ceil(3) * 4,
    decode: |digits| STANDARD_NO_PAD.decode(&digits[..digits.len() / 4 * 4]).ok(),
};

const HEXADECIMAL: Digits = Digits {
    begin: b"30",
    is_digit: |byte| byte.is_ascii_hexdigit(),
    is_between: |byte| byte.is_ascii_whitespace() || byte == b':',
    of_bytes: |bytes| bytes * 2,
    decode: |digits| hex::decode(&digits[..digits.len() / 2 * 2]).ok(),
};

/// The end of the key that begins at a byte.
fn key_in(text: &[u8], at: usize, digits: &Digits) -> Option<usize> {
    let before = at.checked_sub(1).map(|before| text[before]);
    if !text[at..].starts_with(digits.begin) || before.is_some_and(digits.is_digit) {
        return None;
    }
    let (first, _) = taken(&text[at..], LOOKED_AT, digits);
    let length = key_length(&(digits.decode)(&first)?)?;
    let (_, end) = taken(&text[at..], (digits.of_bytes)(length), digits);
    Some(at + end)
}

/// The first digits, at most `count`, and the end of them.
fn taken(text: &[u8], count: usize, digits: &Digits) -> (Vec<u8>, usize) {
    let mut taken = Vec::new();
    let mut end = 0;
    for (at, byte) in text.iter().enumerate() {
        if taken.len() == count || !(digits.is_digit)(*byte) && !(digits.is_between)(*byte) {
            break;
        }
        if (digits.is_digit)(*byte) {
            taken.push(*byte);
            end = at + 1;
        }
    }
    (taken, end)
}

/// The length of a private key in bytes, if this is the beginning of one:
///
/// ```asn1
/// RSAPrivateKey ::= SEQUENCE { version INTEGER (0), modulus INTEGER, ... }
/// ECPrivateKey ::= SEQUENCE { version INTEGER (1), privateKey OCTET STRING, ... }
/// OneAsymmetricKey ::= SEQUENCE { version INTEGER (0..1), AlgorithmIdentifier, privateKey OCTET STRING, ... }
/// EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, encryptedData OCTET STRING }
/// PFX ::= SEQUENCE { version INTEGER (3), ContentInfo, ... }
/// ```
fn key_length(der: &[u8]) -> Option<usize> {
    let (length, body) = element(der, 0x30)?;
    let is_key = match body {
        [2, 1, version @ 0..=1, rest @ ..] => match rest.first()? {
            0x02 => *version == 0 && element(rest, 0x02)?.0 >= SHORTEST,
            0x04 => *version == 1,
            _ => {
                let (length, algorithm) = element(rest, 0x30)?;
                algorithm.first() == Some(&0x06) && algorithm.get(length) == Some(&0x04)
            }
        },
        [2, 1, 3, rest @ ..] => begins_with(element(rest, 0x30)?.1, &[DATA]),
        rest => begins_with(element(rest, 0x30)?.1, &[PKCS5, PKCS12]),
    };
    (is_key && length >= SHORTEST).then(|| der.len() - body.len() + length)
}

fn begins_with(body: &[u8], known: &[&[u8]]) -> bool {
    element(body, 0x06).is_some_and(|(_, oid)| known.iter().any(|known| oid.starts_with(known)))
}

/// The length of the content of an element with this tag, and what follows the length, as far as it is there.
fn element(der: &[u8], tag: u8) -> Option<(usize, &[u8])> {
    match der {
        [found, length @ 0..=0x7f, rest @ ..] if *found == tag => {
            Some((usize::from(*length), rest))
        }
        [found, 0x81, length, rest @ ..] if *found == tag => Some((usize::from(*length), rest)),
        [found, 0x82, high, low, rest @ ..] if *found == tag => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => None,
    }
}
