//! Lines of a dump put together by their offsets.

use std::collections::BTreeMap;

use super::{
    Block, in_order,
    row::{Row, USUAL},
};
use crate::input::budget::Budget;

/// The most bytes that repeated lines may stand for.
const MAX_REPEATED: usize = 4 * 1024 * 1024;

/// The most blocks in a text.
const MAX_BLOCKS: usize = 4096;

/// The bases that offsets are written in. A wrong one gives lines that are too long or too short.
const BASES: [u32; 3] = [16, 10, 8];

/// Lines in their order, by the column of their bytes.
#[derive(Debug, Default)]
pub(super) struct Lanes<'a> {
    open: BTreeMap<usize, Rows<'a>>,
    closed: Vec<(usize, Rows<'a>)>,
    last_column: Option<usize>,
    is_after_repetition: bool,
}

/// Lines whose bytes begin in the same column.
type Rows<'a> = Vec<Row<'a>>;

impl<'a> Lanes<'a> {
    pub(super) fn push(&mut self, mut row: Row<'a>) {
        row.is_after_repetition = std::mem::take(&mut self.is_after_repetition);
        let is_zero = row.offset.bytes().all(|digit| digit == b'0');
        let is_start = is_zero && !row.cells.is_empty();
        // A line without bytes tells the length of what came last. One that is aligned otherwise goes on with it: its offset has a digit
        // more, or its last word is shorter.
        let own = row.cells.first().map(|cell| cell.columns.0);
        let goes_on = own.is_none_or(|own| !is_start && !self.open.contains_key(&own));
        let Some(column) = self.last_column.filter(|_| goes_on).or(own) else { return };
        self.last_column = Some(column);
        let lane = self.open.entry(column).or_default();
        if is_start && !lane.is_empty() {
            self.closed.push((column, std::mem::take(lane)));
        }
        // A length comes once.
        if row.cells.is_empty() && lane.last().is_none_or(|last| last.cells.is_empty()) {
            return;
        }
        lane.push(row);
    }

    pub(super) fn repeat(&mut self) {
        self.is_after_repetition = true;
    }

    /// Other text: what follows with an offset of 0 is something else, and what goes on goes on.
    pub(super) fn interrupt(&mut self) {
        self.is_after_repetition = false;
        self.last_column = None;
    }

    pub(super) fn blocks(mut self, budget: &mut Budget) -> Vec<Block> {
        self.closed.append(&mut self.open.into_iter().collect());
        let mut lanes = self.closed;
        lanes.retain(|(_, rows)| !rows.is_empty());
        lanes.sort_by_key(|(_, rows)| rows.first().map(|row| row.number));
        lanes.truncate(MAX_BLOCKS);
        lanes.into_iter().filter_map(|(column, rows)| block(column, &rows, budget)).collect()
    }
}

fn block(column: usize, rows: &[Row<'_>], budget: &mut Budget) -> Option<Block> {
    let fit = |rows: &[Row<'_>]| BASES.into_iter().find_map(|base| counts(rows, base));
    // The last line may be a word that looks like an offset.
    let without_last = || rows.split_last().filter(|(last, _)| last.cells.is_empty());
    let (rows, counts) = match fit(rows) {
        Some(counts) => (rows, counts),
        None => without_last().and_then(|(_, others)| Some((others, fit(others)?)))?,
    };
    let total: usize = counts.iter().map(|(own, repeated)| own + repeated).sum();
    if total == 0 || !budget.take_bytes(total) {
        return None;
    }
    let (written, is_turned) = in_order(bytes(rows, &counts, false), turned(rows, &counts));
    let form = form(rows, is_turned);
    let lines = (rows.first()?.number, rows.last()?.number);
    Some(Block { column, lines, form, bytes: written })
}

/// How many bytes each line has, and how many bytes of repetitions are before it; `None` if the offsets do not fit this base.
fn counts(rows: &[Row<'_>], base: u32) -> Option<Vec<(usize, usize)>> {
    let offset = |row: &Row<'_>| usize::from_str_radix(row.offset, base).ok();
    let offsets: Vec<usize> = rows.iter().map(offset).collect::<Option<_>>()?;
    if rows.len() == 1 && offsets != [0] {
        return None;
    }
    let mut counts: Vec<(usize, usize)> = Vec::with_capacity(rows.len());
    let mut column = None;
    for (number, row) in rows.iter().enumerate() {
        let repeated = match number.checked_sub(1).and_then(|before| counts.get(before)) {
            Some((own, _)) if row.is_after_repetition => {
                let before = offsets[number - 1].checked_add(*own)?;
                offsets[number].checked_sub(before).filter(|count| *count <= MAX_REPEATED)?
            }
            _ => 0,
        };
        let own = match rows.get(number + 1) {
            // What the `*` stands for is as long as this line.
            Some(next) if next.is_after_repetition => row.before(column),
            Some(_) => {
                let own = offsets[number + 1].checked_sub(offsets[number])?;
                if own == 0 || own > row.most() {
                    return None;
                }
                column = column.max(row.column_after(own));
                own
            }
            None => row.before(column),
        };
        counts.push((own, repeated));
    }
    Some(counts)
}

fn bytes(rows: &[Row<'_>], counts: &[(usize, usize)], is_turned: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    for (row, (own, repeated)) in rows.iter().zip(counts) {
        bytes.extend(last.iter().cycle().take(*repeated));
        let cells = row.cells.iter().flat_map(|cell| {
            let mut bytes = cell.bytes().to_vec();
            if is_turned {
                bytes.reverse();
            }
            bytes
        });
        last = cells.take(*own).collect();
        bytes.extend(&last);
    }
    bytes
}

/// The bytes with each word turned around, if the dump has words.
fn turned(rows: &[Row<'_>], counts: &[(usize, usize)]) -> Option<Vec<u8>> {
    let has_words = rows.iter().flat_map(|row| &row.cells).any(|cell| cell.bytes().len() > 1);
    has_words.then(|| bytes(rows, counts, true))
}

fn form(rows: &[Row<'_>], is_turned: bool) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let words = first.cells.iter().take(USUAL).any(|cell| cell.bytes().len() > 1);
    let like = match (first.offset.len(), first.style) {
        _ if is_turned => return "hex dump of little-endian words".to_owned(),
        (8, style) if style.has_colon && words => " as of `xxd`",
        (8, style) if style.has_bar => " as of `hexdump -C`",
        (_, style) if style.has_dash => " as of OpenSSL",
        (4, style) if style.has_colon => " as of `curl --trace`",
        (4, _) => " as of Wireshark",
        _ => "",
    };
    format!("hex dump{like}")
}
