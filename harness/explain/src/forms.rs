//! The forms in which people and servers hand on binary data.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The bytes in PEM, base64 or hexadecimal digits; `None` for other bytes.
pub(crate) fn unwrapped(bytes: &[u8]) -> Option<Vec<u8>> {
    const TOLERANT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = scep::content::text(bytes)?;
    let body = match text.split_once("-----BEGIN ") {
        Some((_, rest)) => {
            let (_, rest) = rest.split_once("-----")?;
            rest.split_once("-----END").map_or(rest, |(body, _)| body).to_owned()
        }
        None => text,
    };
    let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() < 4 {
        return None;
    }
    hex::decode(digits.replace(':', "")).ok().or_else(|| TOLERANT.decode(&digits).ok())
}
