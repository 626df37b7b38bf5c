//! Bytes in tables: dumps with offsets and a column of characters, as `xxd`, `hexdump`, `od`, debuggers and OpenSSL print them; and
//! lists of decimal numbers, as Go, Java and Python print bytes.

use std::ops::Range;

use crate::view::{BREAK, Origin, View};

/// The most bytes in a line of a dump.
const LINE: usize = 64;

/// The longest text before a line of a dump, such as a date and a name, in bytes.
const BEFORE: usize = 128;

/// The most numbers in the text before a line of a dump that may be its offset.
const OFFSETS: usize = 8;

/// The shortest list of decimal numbers that is read.
const LIST: usize = 6;

/// A byte in a line, at an offset of the line.
type Cell = (u8, usize);

/// The bytes in the tables of a view, with a break between two tables; none if it has no table.
pub(super) fn decoded<O: Origin>(view: &View<O>) -> Option<View<O>> {
    let (mut bytes, mut swapped) = (View::<O>::default(), View::<O>::default());
    let (mut start, mut before) = (0, 0);
    // A string of a list may be a dump, too.
    let ends_a_line = |byte: &u8| {
        let last = std::mem::replace(&mut before, *byte);
        matches!((last, *byte), (_, b'\n' | BREAK) | (b'"', b','))
    };
    for line in view.bytes.split_inclusive(ends_a_line) {
        let content = line.strip_suffix(&[BREAK]).unwrap_or(line).trim_ascii_end();
        match cells(content) {
            Some(cells) => {
                // All bytes have the range from their cell to the end of the column of characters, because that repeats them.
                let end = start + end_of_column(content, &cells);
                let place = |(byte, at): &Cell| (*byte, start + at..end);
                bytes.add(view, cells.iter().map(place));
                swapped.add(view, in_words(&cells).iter().map(place));
            }
            None if content.is_empty() => {}
            None => [&mut bytes, &mut swapped].into_iter().for_each(View::end_part),
        }
        start += line.len();
    }
    bytes.end_part();
    bytes.append(swapped);
    bytes.end_part();
    bytes.append(lists(view));
    (!bytes.bytes.is_empty()).then_some(bytes)
}

impl<O: Origin> View<O> {
    /// Adds bytes that were read from these ranges of another view.
    fn add(&mut self, of: &Self, bytes: impl Iterator<Item = (u8, Range<usize>)>) {
        for (byte, place) in bytes {
            self.push(byte, of.origin(&place));
        }
    }
}

/// The bytes in a line of a dump: `0010: 4d61 726b  Ma rk`, also after other text.
fn cells(line: &[u8]) -> Option<Vec<Cell>> {
    let begins = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
    };
    let starts = (0..line.len().min(BEFORE)).filter(begins);
    let found = starts.filter_map(|at| cells_from(line, at)).take(OFFSETS);
    // The first of those with the most bytes.
    found.reduce(|best, one| if one.len() > best.len() { one } else { best })
}

/// The bytes in a line of a dump whose offset is at a place of the line.
fn cells_from(line: &[u8], start: usize) -> Option<Vec<Cell>> {
    let start = start + prefix(&line[start..]);
    let digits = line[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !(4..=16).contains(&digits) {
        return None;
    }
    let mut at = start + digits;
    let gap = line[at..].iter().take_while(|byte| b": -\t".contains(byte)).count();
    // Without a blank it may be a date.
    if !line[at..at + gap].iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    at += gap;
    let cells = characters(line, at).unwrap_or_else(|| hexadecimal(line, at));
    (!cells.is_empty()).then_some(cells)
}

/// The end of the column of characters, which has one for each cell, perhaps between two strokes.
fn end_of_column(line: &[u8], cells: &[Cell]) -> usize {
    let last = cells.last().map_or(0, |(_, at)| at + 2).min(line.len());
    let blanks = line[last..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = String::from_utf8_lossy(&line[last + blanks..]);
    let column = rest.chars().take(cells.len() + 2).map(char::len_utf8).sum::<usize>();
    (last + blanks + column).min(line.len())
}

/// Length of `0x` at the beginning.
fn prefix(text: &[u8]) -> usize {
    if text.starts_with(b"0x") { 2 } else { 0 }
}

/// Cells of two hexadecimal digits; two or more may stand together.
fn hexadecimal(line: &[u8], mut at: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    while cells.len() < LINE {
        at += prefix(&line[at..]);
        let Some(byte) = two_digits(&line[at..]) else { break };
        cells.push((byte, at));
        at += 2;
        let gap = line[at..].iter().take_while(|byte| b" -\t".contains(byte)).count();
        // A wider gap is the middle of a line, or it is before the column of characters.
        if gap > 2 || gap == 2 && !is_middle(cells.len(), &line[at + gap..]) {
            break;
        }
        at += gap;
    }
    cells
}

/// True if a line may have a wider gap after this number of cells, and a cell follows.
fn is_middle(cells: usize, rest: &[u8]) -> bool {
    let is_cell = rest.get(2).is_none_or(|byte| b" -".contains(byte));
    matches!(cells, 8 | 16 | 24) && two_digits(rest).is_some() && is_cell
}

fn two_digits(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(..2)?).ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Cells of `od -c` and `od -b`: a character, an escape, or three octal digits; none if there is anything else.
fn characters(line: &[u8], start: usize) -> Option<Vec<Cell>> {
    let words = words(&line[start..], u8::is_ascii_whitespace).take(LINE + 1);
    let cells: Option<Vec<Cell>> =
        words.map(|(range, word)| Some((character(word)?, start + range.start))).collect();
    cells.filter(|cells| cells.len() > 1)
}

fn character(cell: &[u8]) -> Option<u8> {
    match cell {
        [one] => Some(*one),
        [b'\\', b'0'] => Some(0),
        [b'\\', b'n'] => Some(b'\n'),
        [b'\\', b'r'] => Some(b'\r'),
        [b'\\', b't'] => Some(b'\t'),
        [b'\\', _] => Some(b'?'),
        [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7'] => {
            Some(cell.iter().fold(0, |byte, digit| byte << 3 | (digit - b'0')))
        }
        _ => None,
    }
}

/// The bytes of words of two bytes in the order of most machines, as `hexdump` and `od -x` print them: `614d` is `Ma`.
fn in_words(cells: &[Cell]) -> Vec<Cell> {
    let pairs = cells.chunks_exact(2).filter(|pair| pair[1].1 == pair[0].1 + 2);
    pairs.flat_map(|pair| [(pair[1].0, pair[0].1), (pair[0].0, pair[0].1)]).collect()
}

/// The lists of decimal numbers of which each is a byte, with a break between two: `[113 90 55]`, `113, 90, -61`.
fn lists<O: Origin>(view: &View<O>) -> View<O> {
    let mut lists = View::default();
    let mut start = 0;
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || b",[]{}()".contains(byte);
    for (range, word) in words(&view.bytes, is_between) {
        if let Some(byte) = decimal(word) {
            lists.add(view, std::iter::once((byte, range)));
            continue;
        }
        end_list(&mut lists, &mut start);
    }
    end_list(&mut lists, &mut start);
    lists
}

/// Keeps the list from `start` on if it is long enough.
fn end_list<O: Origin>(lists: &mut View<O>, start: &mut usize) {
    if lists.bytes.len() < *start + LIST {
        lists.truncate(*start);
        return;
    }
    lists.end_part();
    *start = lists.bytes.len();
}

/// A byte in decimal digits; Java prints those above 127 as negative numbers.
fn decimal(word: &[u8]) -> Option<u8> {
    if word.len() > 4 || !word.last().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let number: i16 = std::str::from_utf8(word).ok()?.parse().ok()?;
    u8::try_from(number).ok().or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
}

/// The words of a text, with their places.
fn words(
    text: &[u8],
    is_between: impl Fn(&u8) -> bool,
) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut at = 0;
    text.split(is_between).filter_map(move |word| {
        let range = at..at + word.len();
        at = range.end + 1;
        (!word.is_empty()).then_some((range, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_has(table: &str, bytes: &str) {
        let read = decoded(&View::<()>::of(table)).unwrap_or_default();
        let has = read.bytes.windows(bytes.len()).any(|part| part == bytes.as_bytes());
        assert!(has, "{:?} in\n{table}", String::from_utf8_lossy(&read.bytes));
    }

    /// The tables of the bytes `Mark(3d)+Secret=7;`, as the programs print them.
    #[test]
    fn tables_of_many_programs_are_read() {
        for table in [
            // xxd
            "00000000: 4d61 726b 2833 6429 2b53 6563 7265 743d  Mark(3d)+Secret=\n00000010: 373b                                     7;",
            // hexdump -C
            "00000000  4d 61 72 6b 28 33 64 29  2b 53 65 63 72 65 74 3d  |Mark(3d)+Secret=|\n00000010  37 3b                                             |7;|\n00000012",
            // hexdump
            "0000000 614d 6b72 3328 2964 532b 6365 6572 3d74\n0000010 3b37                                   \n0000012",
            // xxd -c 32
            "00000000: 4d61 726b 2833 6429 2b53 6563 7265 743d 373b  Mark(3d)+Secret=7;",
            // after a date and a name
            "2026-11-30 10:00:00 client: 0000: 4d 61 72 6b 28 33 64 29 2b 53 65 63 72 65 74 3d\n2026-11-30 10:00:00 client: 0010: 37 3b",
            // od -c
            "0000000   M   a   r   k   (   3   d   )   +   S   e   c   r   e   t   =\n0000020   7   ;\n0000022",
            // od -b
            "0000000 115 141 162 153 050 063 144 051 053 123 145 143 162 145 164 075\n0000020 067 073\n0000022",
            // openssl asn1parse -dump
            "      0000 - 4d 61 72 6b 28 33 64 29-2b 53 65 63 72 65 74 3d   Mark(3d)+Secret=\n      0010 - 37 3b                                             7;",
            // gdb x/8xb
            "0x7ffe10:\t0x4d\t0x61\t0x72\t0x6b\t0x28\t0x33\t0x64\t0x29\n0x7ffe18:\t0x2b\t0x53\t0x65\t0x63\t0x72\t0x65\t0x74\t0x3d\n0x7ffe20:\t0x37\t0x3b",
            // tcpdump -X
            "\t0x0000:  4d61 726b 2833 6429 2b53 6563 7265 743d  Mark(3d)+Secret=\n\t0x0010:  373b                                     7;",
            // Python
            "[77, 97, 114, 107, 40, 51, 100, 41, 43, 83, 101, 99, 114, 101, 116, 61, 55, 59]",
            "{\n  77,\n  97,\n  114, 107, 40, 51, 100, 41,\n  43, 83, 101, 99, 114, 101, 116, 61, 55, 59\n}",
        ] {
            assert_has(table, "Mark(3d)+Secret=7;");
        }
        assert_has("[-61, -87, 102, 103, 104, 105]", "éfghi");
    }

    #[test]
    fn other_lines_are_no_tables() {
        for text in [
            "",
            "serving at 8080",
            "0123 is a number",
            "1, 2, 3",
            "in 12 of 40 cases",
            "cafe: x",
            "2026 was",
        ] {
            assert!(decoded(&View::<()>::of(text)).is_none(), "{text}");
        }
    }
}
