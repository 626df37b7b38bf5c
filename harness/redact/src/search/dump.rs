//! Bytes in tables: dumps with offsets and a column of characters, as `xxd`, `hexdump -C` and OpenSSL print them; and lists of
//! decimal numbers, as Go prints bytes.

use std::ops::Range;

use super::Found;
use super::automaton::Automaton;
use crate::view::View;

/// The most bytes in a line of a dump.
const LINE: usize = 16;

/// The shortest list of decimal numbers that is read.
const LIST: usize = 6;

/// The places of secrets in tables of bytes.
pub(crate) fn found(text: &str, secrets: &Automaton) -> Vec<Found> {
    let mut found = Vec::new();
    let (mut dump, mut start) = (View::default(), 0);
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        match cells(content) {
            Some(cells) => add(&mut dump, cells, start, start + content.len()),
            None => found.extend(secrets.found(&std::mem::take(&mut dump), false)),
        }
        found.extend(decimal_lists(content, start).iter().flat_map(|it| secrets.found(it, false)));
        start += line.len();
    }
    found.extend(secrets.found(&dump, false));
    found
}

/// Adds a line of a dump. All bytes have the range from their cell to the end of the line, because the column of characters repeats
/// them.
fn add(dump: &mut View, cells: Vec<(u8, usize)>, line: usize, end: usize) {
    for (byte, at) in cells {
        dump.push(byte, (line + at, end));
    }
}

/// The bytes in a line of a dump, each with its offset in the line: `0010: 4d61 726b  Ma rk`.
fn cells(line: &str) -> Option<Vec<(u8, usize)>> {
    let text = line.as_bytes();
    let mut at = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    at += usize::from(text[at..].starts_with(b"0x")) * 2;
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !(4..=16).contains(&digits) {
        return None;
    }
    at += digits;
    let gap = text[at..].iter().take_while(|byte| b": -\t".contains(byte)).count();
    if gap == 0 {
        return None;
    }
    at += gap;
    let mut cells = Vec::new();
    while let Some(byte) = two_digits(&text[at..]).filter(|_| cells.len() < LINE) {
        cells.push((byte, at));
        at += 2;
        // A wider gap is before the column of characters.
        at += text[at..].iter().take(2).take_while(|byte| b" -".contains(byte)).count();
    }
    (!cells.is_empty()).then_some(cells)
}

fn two_digits(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(..2)?).ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// The lists of decimal numbers in a line, of which each is a byte: `[113 90 55]`, `113, 90, 55`.
fn decimal_lists(line: &str, start: usize) -> Vec<View> {
    let mut lists = vec![View::default()];
    for (range, word) in words(line) {
        let Ok(byte) = word.parse::<u8>() else {
            lists.push(View::default());
            continue;
        };
        if let Some(list) = lists.last_mut() {
            list.push(byte, (start + range.start, start + range.end));
        }
    }
    lists.retain(|list| list.bytes.len() >= LIST);
    lists
}

/// The words between blanks, commas and brackets.
fn words(line: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let words = line.split([' ', ',', '[', ']', '{', '}', '(', ')']);
    let mut at = 0;
    words.filter_map(move |word| {
        let range = at..at + word.len();
        at = range.end + 1;
        (!word.is_empty()).then_some((range, word))
    })
}
