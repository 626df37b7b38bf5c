//! Bytes as digits without offsets: `xxd -p`, digits with colons or blanks, arrays and strings of programming languages.

mod array;
mod string;

use super::{
    asn1,
    budget::Budget,
    reading::{Part, Reading},
    text::{lines, short},
};

/// The shortest run of digits that is looked for in other text, in digits.
const MIN_DIGITS: usize = 32;

/// The most runs of digits in a text.
const MAX_RUNS: usize = 1000;

/// What is in the digits of a text.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(text) = short(bytes) else { return Reading::No };
    let read = string::read(text).or_else(|| array::read(text)).or_else(|| plain(text));
    let mut parts = read.unwrap_or_else(|| in_text(text));
    parts.retain(|part| budget.take_bytes(part.size()));
    Reading::of(parts)
}

/// The whole text as digits, with anything between them that people and programs write there.
fn plain(text: &str) -> Option<Vec<Part>> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let text = text.trim_start_matches("h'").trim_end_matches('\'');
    let between = [':', '-', ',', '\\'].into_iter().find(|c| text.contains(*c));
    let is_between = |c: &char| c.is_whitespace() || Some(*c) == between;
    let digits: String = text.chars().filter(|c| !is_between(c)).collect();
    let bytes = decoded(&digits)?;
    let form = match between {
        Some(':') => "hexadecimal digits with colons",
        Some(_) => "hexadecimal digits with marks between them",
        None => "hexadecimal digits",
    };
    (bytes.len() >= 4).then(|| vec![Part::encoded(form, bytes)])
}

/// Runs of digits in other text that begin as a message does.
fn in_text(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for line in lines(text) {
        let is_other = |c: char| !c.is_ascii_hexdigit() && c != ':';
        for run in line.text.split(is_other).filter(|run| run.len() >= MIN_DIGITS) {
            let digits = run.replace(':', "");
            let bytes = decoded(&digits).filter(|bytes| asn1::shape(bytes).is_some());
            if let Some(bytes) = bytes.filter(|_| parts.len() < MAX_RUNS) {
                let part = Part::encoded("hexadecimal digits", bytes);
                parts.push(part.at(format!("line {}", line.number)));
            }
        }
    }
    parts
}

/// The bytes of the first array in a text.
pub(super) fn array(text: &str) -> Option<Vec<u8>> {
    array::first(text)
}

/// The bytes of hexadecimal digits, two for each.
pub(super) fn decoded(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let byte = |pair: &[u8]| Some(nibble(pair[0])? << 4 | nibble(pair[1])?);
    if digits.len() % 2 == 1 {
        return None;
    }
    digits.chunks_exact(2).map(byte).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
