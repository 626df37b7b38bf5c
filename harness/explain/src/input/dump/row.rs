//! One line of a dump: `00000010: 3082 0a25  0..%`.

use crate::input::hexadecimal;

/// The most bytes in a line.
const MAX_CELLS: usize = 64;

/// The most bytes in a group of digits.
const MAX_CELL: usize = 8;

/// How many bytes a line has if nothing else tells it.
pub(super) const USUAL: usize = 16;

/// A gap of so many blanks is the end of the bytes of a line; there may be two between its halves.
const GAP: usize = 3;

/// A line with an offset, and with bytes unless it only tells the length of the whole.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) number: usize,
    pub(super) offset: &'a str,
    pub(super) style: Style,
    pub(super) cells: Vec<Cell>,
    /// True for a line after `*`, which stands for lines like the one before.
    pub(super) is_after_repetition: bool,
}

/// What is between an offset and the bytes, and between these and their characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) has_colon: bool,
    pub(super) has_dash: bool,
    pub(super) has_bar: bool,
}

/// Digits of one or more bytes.
#[derive(Debug)]
pub(super) struct Cell {
    bytes: [u8; MAX_CELL],
    length: usize,
    /// The column of the first digit, and the one after the last digit.
    pub(super) columns: (usize, usize),
    /// How many blanks are before it.
    gap: usize,
}

impl<'a> Row<'a> {
    /// Reads a line from a place on, where a word begins; `None` if it is no line of a dump.
    pub(super) fn read(line: &'a str, number: usize, start: usize) -> Option<Self> {
        let rest = &line[start..];
        // `tcpdump -X` writes offsets so.
        let rest = rest.strip_prefix("0x").unwrap_or(rest);
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (offset, after) = rest.split_at(digits);
        let after_mark = after.strip_prefix([':', 'h', '|']).unwrap_or(after);
        let has_colon = after_mark.len() < after.len();
        let after_dash = after_mark.strip_prefix(" - ").map(|rest| (rest, true));
        let (body, has_dash) = after_dash.unwrap_or((after_mark, false));
        if !(1..=16).contains(&digits) || (digits < 3 && !has_colon) {
            return None;
        }
        let at = line.len() - body.len();
        // Some write an offset and a colon with no blank after it.
        let is_separate = body.is_empty() || has_dash || has_colon || body.starts_with([' ', '\t']);
        let cells = cells(line, at);
        let is_end = body.trim().is_empty() && !has_dash;
        if !is_separate || (cells.is_empty() && !is_end) {
            return None;
        }
        let style = Style { has_colon, has_dash, has_bar: line.contains('|') };
        Some(Self { number, offset, style, cells, is_after_repetition: false })
    }

    /// How many bytes the line may have at most.
    pub(super) fn most(&self) -> usize {
        self.cells.iter().map(|cell| cell.length).sum()
    }

    /// How many bytes the line has before a gap, or before a column if one is known.
    pub(super) fn before(&self, column: Option<usize>) -> usize {
        let mut count = 0;
        for (number, cell) in self.cells.iter().enumerate() {
            let is_beyond = match column {
                Some(column) => cell.columns.1 > column,
                None => count + cell.length > USUAL,
            };
            if is_beyond || (number > 0 && cell.gap >= GAP) {
                break;
            }
            count += cell.length;
        }
        count
    }

    /// The column after so many bytes.
    pub(super) fn column_after(&self, count: usize) -> Option<usize> {
        let mut sum = 0;
        self.cells.iter().find_map(|cell| {
            sum += cell.length;
            (sum >= count).then_some(cell.columns.1)
        })
    }
}

impl Cell {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// True for the `*` that stands for lines like the one before.
pub(super) fn is_repetition(text: &str) -> bool {
    text.starts_with('*') && text.trim_end() == "*"
}

/// Where the words of a line begin.
pub(super) fn words(line: &str) -> impl Iterator<Item = usize> {
    let mut is_before = true;
    line.char_indices().filter_map(move |(at, char)| {
        let is_blank = char.is_whitespace();
        let begins = is_before && !is_blank;
        is_before = is_blank;
        begins.then_some(at)
    })
}

/// The cells of a line from a place on, up to the first that is none.
fn cells(line: &str, start: usize) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let (mut at, mut count) = (start, 0);
    loop {
        let rest = &line[at..];
        let gap = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'-')).count();
        let rest = &rest[gap..];
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let ends = rest[digits..].bytes().next();
        let is_cell = (2..=16).contains(&digits)
            && digits % 2 == 0
            && matches!(ends, None | Some(b' ' | b'\t' | b'-' | b'|'));
        let decoded = hexadecimal::decoded(&rest[..digits]).filter(|_| is_cell);
        let Some(decoded) = decoded.filter(|bytes| count + bytes.len() <= MAX_CELLS) else {
            return cells;
        };
        let length = decoded.len();
        let mut bytes = [0; MAX_CELL];
        bytes[..length].copy_from_slice(&decoded);
        let from = at + gap;
        count += length;
        at = from + digits;
        cells.push(Cell { bytes, length, columns: (from, at), gap });
    }
}
