//! PEM (RFC 7468), also indented, in one line, quoted, or cut off. A crate that reads it as the RFC says refuses what people paste.

use super::{
    asn1::KEY,
    base64,
    budget::Budget,
    reading::{Part, Reading},
};

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The longest label, in bytes.
const MAX_LABEL: usize = 64;

/// The most blocks in a text.
const MAX_BLOCKS: usize = 1000;

/// What is in the blocks of a text, but for private keys.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    if !bytes.windows(BEGIN.len()).any(|piece| piece == BEGIN.as_bytes()) {
        return Reading::No;
    }
    // Bytes that are no text may be around a block, as in a file that several programs wrote.
    let text = String::from_utf8_lossy(bytes);
    let (mut parts, mut has_key, mut is_broken) = (Vec::new(), false, None);
    for block in blocks(&text) {
        if block.label.contains("PRIVATE KEY") {
            has_key = true;
            continue;
        }
        match base64::decoded(&block.body) {
            Some(decoded) if budget.take_bytes(decoded.bytes.len()) => {
                let end = if block.is_whole { "" } else { ", without its last line" };
                let form = format!("PEM `{}`{end}", block.label);
                let line = format!("line {}", block.line);
                parts.push(Part::encoded(form, decoded.bytes).at(line));
            }
            Some(_) => break,
            None => is_broken = Some(block.line),
        }
    }
    match (parts.is_empty(), is_broken, has_key) {
        (false, ..) => Reading::Parts(parts),
        (_, Some(line), _) => Reading::But(format!("PEM, whose block in line {line} is no base64")),
        // Its lines are base64, too.
        (_, _, true) => Reading::Stop(format!("PEM, with nothing in it but {KEY}")),
        _ => Reading::No,
    }
}

struct Block<'a> {
    label: &'a str,
    line: usize,
    body: String,
    is_whole: bool,
}

/// The blocks of a text. Those with a label that no label can be are left out.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(at) = rest.find(BEGIN) {
        line += rest[..at].matches('\n').count();
        rest = &rest[at + BEGIN.len()..];
        let Some(end) = rest.find(DASHES).filter(|end| *end <= MAX_LABEL) else { continue };
        let label = &rest[..end];
        if label.chars().any(char::is_control) || blocks.len() == MAX_BLOCKS {
            continue;
        }
        let body = &rest[end + DASHES.len()..];
        let (body, is_whole) = match body.find(DASHES) {
            Some(end) => (&body[..end], body[end..].starts_with("-----END ")),
            None => (body, false),
        };
        blocks.push(Block { label, line, body: without_headers(body), is_whole });
    }
    blocks
}

/// The body without the headers of RFC 1421, such as `Proc-Type`, and without marks of quotation.
fn without_headers(body: &str) -> String {
    let is_kept = |line: &&str| !line.contains(':');
    let lines = body.lines().map(|line| line.trim_start_matches(['>', '|', ' ', '\t']));
    lines.filter(is_kept).collect::<Vec<_>>().join("\n")
}
