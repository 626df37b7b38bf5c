//! Listings of ASN.1: that of `openssl asn1parse` becomes bytes again if it has all values; others are named.

mod asn1parse;
mod build;

use super::{
    budget::Budget,
    reading::{Part, Reading},
    text::{lines, short},
};

/// The fewest lines that make a text a listing.
const MIN_LINES: usize = 3;

/// Texts that programs make of a message, by how they begin, and what to do instead.
const DESCRIPTIONS: [(&str, &str); 6] = [
    (
        "Certificate:\n    Data:",
        "the text of `openssl x509 -text`, which cannot become bytes again: hand in the PEM or DER itself",
    ),
    (
        "Certificate Request:\n    Data:",
        "the text of `openssl req -text`, which cannot become bytes again: hand in the PEM or DER itself",
    ),
    (
        "Certificate Revocation List (CRL):",
        "the text of `openssl crl -text`, which cannot become bytes again: hand in the PEM or DER itself",
    ),
    (
        "CMS_ContentInfo:",
        "the text of `openssl cms -cmsout -print`, which cannot become bytes again: hand in the file that it was made of",
    ),
    (
        "PKCS7:",
        "the text of `openssl pkcs7 -print`, which cannot become bytes again: hand in the file that it was made of",
    ),
    (
        "X.509 Certificate Information:",
        "the text of `certtool -i`, which cannot become bytes again: hand in the PEM or DER itself",
    ),
];

/// What a listing was made of.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(text) = short(bytes) else { return Reading::No };
    if let Some(elements) = asn1parse::elements(text, budget) {
        return match build::bytes(&elements) {
            Ok(bytes) if budget.take_bytes(bytes.len()) => {
                Reading::Parts(vec![Part::encoded("listing of `openssl asn1parse`", bytes)])
            }
            Ok(_) => Reading::No,
            Err(lack) => Reading::But(format!(
                "a listing of `openssl asn1parse`, {lack}: make it with `-dump`, or hand in the file that it was made of"
            )),
        };
    }
    if is_dumpasn1(text) {
        return Reading::But(
            "a listing of `dumpasn1`, which shortens values: hand in the file that it was made of"
                .to_owned(),
        );
    }
    let start = text.trim_start();
    match DESCRIPTIONS.iter().find(|(beginning, _)| start.starts_with(beginning)) {
        Some((_, words)) => Reading::But((*words).to_owned()),
        None => Reading::No,
    }
}

/// True for lines such as `   4   9:   OBJECT IDENTIFIER signedData`.
fn is_dumpasn1(text: &str) -> bool {
    let is_element = |line: &str| {
        let mut words = line.split_whitespace();
        let mut number =
            |end| words.next().and_then(|word| word.strip_suffix(end)?.parse::<u32>().ok());
        if number("").is_none() || number(":").is_none() {
            return false;
        }
        let name = words.next().unwrap_or_default();
        matches!(
            name,
            "SEQUENCE"
                | "SET"
                | "OBJECT"
                | "INTEGER"
                | "OCTET"
                | "BIT"
                | "NULL"
                | "[0]"
                | "UTF8String"
                | "PrintableString"
        )
    };
    lines(text).filter(|line| is_element(line.text)).take(MIN_LINES).count() == MIN_LINES
}
