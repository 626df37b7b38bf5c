//! Text in the encodings that servers and people use.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::latin_1::latin_1;

/// The text of a body in UTF-8, or in UTF-16 as NDES writes its pages, without byte order mark; `None` if it is no text.
pub fn text(body: &[u8]) -> Option<String> {
    if let Ok(text) = str::from_utf8(body)
        && !text.contains('\0')
    {
        return Some(text.trim_start_matches('\u{feff}').to_owned());
    }
    let to_unit: fn([u8; 2]) -> u16 = match body {
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [first, 0, second, 0, ..] if is_ascii(*first) && is_ascii(*second) => u16::from_le_bytes,
        [0, first, 0, second, ..] if is_ascii(*first) && is_ascii(*second) => u16::from_be_bytes,
        _ => return None,
    };
    let units = body.chunks_exact(2).map(|pair| to_unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

fn is_ascii(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// The text of the beginning of a body: as [`text`], and also in Latin-1 if most of it is ASCII.
pub(super) fn decoded(start: &[u8]) -> Option<String> {
    // The last character may be cut off.
    let whole = match str::from_utf8(start) {
        Err(error) if error.error_len().is_none() => &start[..error.valid_up_to()],
        _ => start,
    };
    text(whole)
        .filter(|text| !text.is_empty())
        .or_else(|| probably_latin_1(start))
        .filter(|it| is_text(it))
}

/// True if the text has no control characters but those of a terminal.
fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}'))
}

fn probably_latin_1(bytes: &[u8]) -> Option<String> {
    let is_text = bytes.iter().all(|byte| is_ascii(*byte) || *byte >= 0xa0);
    let ascii = bytes.iter().filter(|byte| byte.is_ascii()).count();
    (is_text && ascii * 4 >= bytes.len() * 3).then(|| latin_1(bytes))
}

/// The text with every run of blanks and line ends as one blank.
pub(super) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The bytes of base64 in either alphabet, with or without padding; its end may be cut off.
pub(super) fn from_base64(digits: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    let digits = digits.trim_end_matches('=');
    let decode = |digits: &str| STANDARD.decode(digits).or_else(|_| URL_SAFE.decode(digits)).ok();
    decode(digits).or_else(|| decode(digits.get(..digits.len() - digits.len() % 4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_in_utf_8_and_utf_16_is_decoded() {
        let page = "<html>é</html>";
        let big_endian =
            format!("\u{feff}{page}").encode_utf16().flat_map(u16::to_be_bytes).collect();
        let written =
            [page.as_bytes().to_vec(), utf16(page), utf16(&format!("\u{feff}{page}")), big_endian];
        for body in written {
            assert_eq!(text(&body).as_deref(), Some(page));
        }
    }

    #[test]
    fn binary_is_no_text() {
        let half = [0xff, 0xfe, 0x00, 0xd8];
        for body in [&[0xff, 0x00][..], b"a\0b", &[0x30, 0x80, 0x00], &half] {
            assert_eq!(text(body), None, "{body:?}");
        }
    }
}
