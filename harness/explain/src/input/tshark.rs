//! What tshark and Wireshark print about packets: it names requests, and has few of their bytes.

use super::{budget::Budget, reading::Reading, text::utf_8};

/// How far the marks of such a text are looked for, in bytes.
const BEGINNING: usize = 4096;

/// Names such a text, unless it has the bytes of the packets as hex dumps, too.
pub(super) fn read(bytes: &[u8], _budget: &mut Budget) -> Reading {
    let beginning = &bytes[..bytes.len().min(BEGINNING)];
    // Only the end may be in the middle of a character.
    let end = str::from_utf8(beginning).map_or_else(|error| error.valid_up_to(), str::len);
    let Some(text) = utf_8(&beginning[..end]) else { return Reading::No };
    let is_json = text.contains("\"layers\"") && text.contains("\"frame");
    let form = match () {
        () if is_json && text.contains("\"_source\"") => "-T json",
        () if is_json => "-T ek",
        () if text.contains("<pdml") || text.contains("<psml") => "-T pdml",
        () if is_detailed(text) && !has_dump(bytes) => "-V",
        () => return Reading::No,
    };
    Reading::Stop(format!(
        "the text output of tshark (`{form}`), which does not have the messages byte for byte: hand in the capture itself, the pcap that tshark read or that `tshark -w FILE` writes"
    ))
}

/// True if the first line that has words is the first one of a packet: `Frame 1: 514 bytes on wire`.
fn is_detailed(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    first.starts_with("Frame ") && (first.contains("bytes on wire") || first.contains("packet,"))
}

/// True if a line is one of a hex dump: `0000  02 42 …`.
fn has_dump(bytes: &[u8]) -> bool {
    let is_row = |line: &[u8]| {
        let (Some(offset), Some(blanks)) = (line.get(..4), line.get(4..6)) else { return false };
        offset.iter().all(u8::is_ascii_hexdigit) && blanks == b"  "
    };
    bytes.split(|byte| *byte == b'\n').any(is_row)
}
