//! The text of a body: UTF-8, or UTF-16 as NDES writes its pages.

/// The first bytes of little-endian UTF-16 that says so.
const BYTE_ORDER_MARK: [u8; 2] = [0xff, 0xfe];

/// The body as text, a byte order mark left out; `None` where it is none.
pub fn text(body: &[u8]) -> Option<String> {
    if let Ok(text) = str::from_utf8(body)
        && !text.contains('\0')
    {
        return Some(text.to_owned());
    }
    let is_utf16 = body.starts_with(&BYTE_ORDER_MARK) || begins_in_ascii(body);
    let units = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text =
        is_utf16.then(|| char::decode_utf16(units).collect::<Result<String, _>>().ok())??;
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

/// Whether the first two characters are ASCII ones of two bytes each.
fn begins_in_ascii(body: &[u8]) -> bool {
    let is_ascii = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    matches!(body, [first, 0, second, 0, ..] if is_ascii(*first) && is_ascii(*second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn pages_are_read_as_they_are_written() {
        let page = "<html>é</html>";
        let written = [page.as_bytes().to_vec(), utf16(page), utf16(&format!("\u{feff}{page}"))];
        for body in written {
            assert_eq!(text(&body).as_deref(), Some(page));
        }
    }

    #[test]
    fn what_is_no_text_is_none() {
        let half = [&BYTE_ORDER_MARK[..], &[0x00, 0xd8]].concat();
        for body in [&[0xff, 0x00][..], b"a\0b", &[0x30, 0x80, 0x00], &half] {
            assert_eq!(text(body), None, "{body:?}");
        }
    }
}
