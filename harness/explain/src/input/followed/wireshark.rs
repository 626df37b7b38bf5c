//! "Follow TCP stream" of Wireshark and tshark, shown as a hex dump, as raw bytes, as C arrays or as YAML.

use super::{Conversation, Peer};
use crate::input::{base64, budget::Budget, dump, hexadecimal, http, text::lines};

/// The conversation in an export; `None` if the text is none.
pub(super) fn conversation(text: &str, budget: &mut Budget) -> Option<Conversation> {
    let ends = arrays(text).or_else(|| yaml(text)).or_else(|| raw(text)).or_else(|| {
        let blocks = dump::blocks(text, budget);
        lanes(&blocks)
    })?;
    let count = ends.iter().map(|end| end.sent.len()).sum();
    let is_http = ends.iter().any(|end| http::starts(&end.sent));
    let mut conversation = Conversation { form: "TCP stream as followed by Wireshark", ends };
    name(&mut conversation, text);
    (is_http && budget.take_bytes(count)).then_some(conversation)
}

/// The addresses that tshark writes above a stream.
fn name(conversation: &mut Conversation, text: &str) {
    for line in lines(text).take(16) {
        for (node, end) in ["Node 0: ", "Node 1: "].into_iter().zip(&mut conversation.ends) {
            if let Some(address) = line.text.strip_prefix(node) {
                let is_odd = |c: char| c.is_control() || c.is_whitespace();
                let address = address.trim();
                end.address =
                    (address.len() <= 64 && !address.contains(is_odd)).then(|| address.to_owned());
            }
        }
    }
}

/// Hex dumps of two ends, one of which is indented.
fn lanes(blocks: &[dump::Block]) -> Option<[Peer; 2]> {
    let mut columns: Vec<usize> = blocks.iter().map(|block| block.column).collect();
    columns.sort_unstable();
    columns.dedup();
    let [first, second] = columns[..] else { return None };
    let joined = |column| {
        let of_column = blocks.iter().filter(|block| block.column == column);
        Peer { address: None, sent: of_column.flat_map(|block| block.bytes.clone()).collect() }
    };
    Some([joined(first), joined(second)])
}

/// Hexadecimal digits in lines, those of the second end after a tab.
fn raw(text: &str) -> Option<[Peer; 2]> {
    let mut ends = [Peer::default(), Peer::default()];
    for line in lines(text) {
        let second = usize::from(line.text.starts_with('\t'));
        let digits = line.text.trim();
        if let Some(bytes) = hexadecimal::decoded(digits) {
            ends[second].sent.extend(bytes);
        }
    }
    ends.iter().all(|end| !end.sent.is_empty()).then_some(ends)
}

/// Arrays such as `char peer0_0[] = { /* Packet 4 */ 0x50, … };`.
fn arrays(text: &str) -> Option<[Peer; 2]> {
    let mut ends = [Peer::default(), Peer::default()];
    for piece in text.split("char peer").skip(1) {
        let end = match piece.as_bytes() {
            [b'0', b'_', ..] => &mut ends[0],
            [b'1', b'_', ..] => &mut ends[1],
            _ => return None,
        };
        end.sent.extend(hexadecimal::array(&piece[2..])?);
    }
    (!ends[0].sent.is_empty() || !ends[1].sent.is_empty()).then_some(ends)
}

/// The packets of Wireshark's YAML: a number for the end, and its bytes as base64 in the lines after `data: !!binary |`.
fn yaml(text: &str) -> Option<[Peer; 2]> {
    if !text.contains("!!binary |") {
        return None;
    }
    let mut ends = [Peer::default(), Peer::default()];
    let (mut peer, mut open): (usize, Option<(usize, String)>) = (0, None);
    // An empty line at the end closes the last packet.
    for line in text.lines().chain([""]) {
        let indent = line.len() - line.trim_start().len();
        if let Some((of, digits)) = &mut open {
            if indent > *of && !line.trim().is_empty() {
                digits.push_str(line.trim());
                continue;
            }
            ends[peer].sent.extend(base64::decoded(digits)?.bytes);
            open = None;
        }
        let key = line.trim_start().trim_start_matches("- ");
        match key.split_once(": ") {
            Some(("peer", number)) => peer = usize::from(number.trim() == "1"),
            Some(("data", "!!binary |")) => open = Some((indent, String::new())),
            _ => {}
        }
    }
    Some(ends)
}
