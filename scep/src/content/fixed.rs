//! Content whose first bytes are fixed: protocols, compressed data, documents.

use super::Content;

/// Protocols whose first bytes are fixed.
pub(super) fn protocol(start: &[u8]) -> Option<Content> {
    /// The length of the first frame, its type SETTINGS, flags and the stream 0 (RFC 9113 §4.1, §6.5).
    fn is_settings(start: &[u8]) -> bool {
        matches!(start, [0, 0, length, 4, 0, 0, 0, 0, 0, ..] if length % 6 == 0)
    }
    let line = || {
        let end = start.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        String::from_utf8_lossy(&start[..end.unwrap_or(start.len())]).into_owned()
    };
    match start {
        // The types of records are those of RFC 8446 §5.1; the version has been 3.x since SSL 3.0.
        [0x16, 3, 0..=4, ..] => Some(Content::Tls(None)),
        [0x15, 3, 0..=4, 0, 2, _, number, ..] => Some(Content::Tls(Some(*number))),
        _ if start.starts_with(b"PRI * HTTP/2") || is_settings(start) => Some(Content::Http2),
        _ if start.starts_with(b"HTTP/1.") => Some(Content::Http1(line())),
        _ if start.starts_with(b"PROXY TCP") || start.starts_with(b"PROXY UNKNOWN") => {
            Some(Content::Proxy)
        }
        _ if start.starts_with(b"\r\n\r\n\0\r\nQUIT\n") => Some(Content::Proxy),
        _ if start.starts_with(b"SSH-") => Some(Content::Ssh(line())),
        _ => None,
    }
}

/// The names of alerts that a server sends to a client that speaks no TLS, or speaks it otherwise (RFC 8446 §6).
pub(super) fn alert(number: u8) -> &'static str {
    match number {
        0 => ", close_notify",
        10 => ", unexpected_message",
        22 => ", record_overflow",
        40 => ", handshake_failure",
        47 => ", illegal_parameter",
        50 => ", decode_error",
        70 => ", protocol_version",
        80 => ", internal_error",
        112 => ", unrecognized_name",
        116 => ", certificate_required",
        _ => "",
    }
}

pub(super) fn compressed(start: &[u8]) -> Option<Content> {
    let program = match start {
        [0x1f, 0x8b, ..] => "gzip",
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => "zlib",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'P', b'K', 3, 4, ..] => "zip",
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => "bzip2",
        _ => return None,
    };
    Some(Content::Compressed(program))
}

/// Documents and pictures by their first bytes.
pub(super) fn document(start: &[u8]) -> Option<Content> {
    let kind = match start {
        [b'%', b'P', b'D', b'F', b'-', ..] => "a PDF document",
        [0x89, b'P', b'N', b'G', ..] => "a PNG picture",
        [0xff, 0xd8, 0xff, ..] => "a JPEG picture",
        [b'G', b'I', b'F', b'8', ..] => "a GIF picture",
        [0, 0, 1, 0, 1..=255, 0, ..] => "an icon",
        _ => return None,
    };
    Some(Content::Document(kind))
}
