//! The text that a terminal would show, after line editors, pagers and progress meters have drawn over it.
//!
//! The screen has the width that the console announces to the device, and never scrolls, so that all output can be read.

use anstyle_parse::{DefaultCharAccumulator, Params, Parser, Perform};

/// The width of the terminal in columns; large, so that output is not wrapped.
pub(super) const WIDTH: usize = 512;

/// The distance of tab stops.
const TAB: usize = 8;

/// A screen with its cursor, and the parser of the device's output.
#[derive(Debug)]
pub(super) struct Screen {
    parser: Parser<DefaultCharAccumulator>,
    rows: Vec<Row>,
    row: usize,
    column: usize,
    /// The number of cells filled and rows begun since the last command, blanks included, which limits the memory.
    pub(super) cells: usize,
}

#[derive(Debug, Default, Clone)]
struct Row {
    cells: Vec<char>,
    /// True if the row was full and continues in the next one.
    goes_on: bool,
}

impl Default for Screen {
    fn default() -> Self {
        let (parser, rows) = (Parser::default(), vec![Row::default()]);
        Self { parser, rows, row: 0, column: 0, cells: 0 }
    }
}

impl Screen {
    /// Draws what the device sent.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut parser = std::mem::take(&mut self.parser);
        for byte in bytes {
            parser.advance(self, *byte);
        }
        self.parser = parser;
    }

    /// Drops all but the last line, which is the prompt before the next command.
    pub(super) fn begin(&mut self) {
        let mut first = self.rows.len() - 1;
        while first > 0 && self.rows[first - 1].goes_on {
            first -= 1;
        }
        self.rows.drain(..first);
        self.row = self.row.saturating_sub(first);
        self.cells = 0;
    }

    /// The number of rows, at least one.
    pub(super) fn height(&self) -> usize {
        self.rows.len()
    }

    /// The text of a row, without blanks at its end.
    pub(super) fn row(&self, row: usize) -> String {
        text(self.rows.get(row).iter().flat_map(|row| &row.cells))
    }

    /// The text of the last row.
    pub(super) fn last_row(&self) -> String {
        self.row(self.height() - 1)
    }

    /// Clears the last row, because a pager's text is not output.
    pub(super) fn erase_last_row(&mut self) {
        (self.row, self.column) = (self.rows.len() - 1, 0);
        self.truncate(0);
    }

    /// The lines in the rows from `first` to before `end`; a full row continues in the next one.
    pub(super) fn lines(&self, first: usize, end: usize) -> Vec<String> {
        let rows = self.rows.get(first..end.min(self.height())).unwrap_or_default();
        let lines = rows.chunk_by(|row, _| row.goes_on);
        lines.map(|rows| text(rows.iter().flat_map(|row| &row.cells))).collect()
    }

    /// The row after the line that begins in row 0.
    pub(super) fn end_of_first_line(&self) -> usize {
        let rows = self.rows.iter();
        rows.take_while(|row| row.goes_on).count() + 1
    }

    fn line_feed(&mut self) {
        self.row += 1;
        self.column = 0;
        if self.row == self.rows.len() {
            self.rows.push(Row::default());
            // Even an empty row takes memory.
            self.cells += 1;
        }
    }

    fn tab(&mut self) {
        let stop = (self.column / TAB + 1) * TAB;
        while self.column < stop.min(WIDTH) {
            self.print(' ');
        }
    }

    fn truncate(&mut self, length: usize) {
        let row = &mut self.rows[self.row];
        row.cells.truncate(length);
        row.goes_on = false;
    }

    /// Erases in the row: from the cursor, up to it, or all.
    fn erase_in_row(&mut self, mode: usize) {
        match mode {
            0 => self.truncate(self.column),
            1 => self.blank(0, self.column + 1),
            _ => self.truncate(0),
        }
    }

    /// Erases from the cursor on. Rows above are output and stay.
    fn erase_below(&mut self) {
        self.truncate(self.column);
        self.rows.truncate(self.row + 1);
    }

    fn delete(&mut self, count: usize) {
        let row = &mut self.rows[self.row].cells;
        let from = self.column.min(row.len());
        let end = from.saturating_add(count).min(row.len());
        row.drain(from..end);
    }

    fn insert(&mut self, count: usize) {
        let count = count.min(WIDTH);
        let row = &mut self.rows[self.row].cells;
        if self.column < row.len() {
            row.splice(self.column..self.column, std::iter::repeat_n(' ', count));
            row.truncate(WIDTH);
            self.cells += count;
        }
    }

    fn blank(&mut self, from: usize, count: usize) {
        let cells = self.rows[self.row].cells.iter_mut();
        cells.skip(from).take(count).for_each(|cell| *cell = ' ');
    }

    fn down(&mut self, count: usize) {
        self.row = self.row.saturating_add(count).min(self.rows.len() - 1);
    }
}

/// The text of cells, without blanks at its end.
fn text<'a>(cells: impl Iterator<Item = &'a char>) -> String {
    cells.collect::<String>().trim_end_matches(' ').to_owned()
}

impl Perform for Screen {
    fn print(&mut self, c: char) {
        if self.column >= WIDTH {
            self.rows[self.row].goes_on = true;
            self.line_feed();
        }
        let row = &mut self.rows[self.row].cells;
        let before = row.len();
        row.resize(before.max(self.column + 1), ' ');
        row[self.column] = c;
        self.cells += row.len() - before;
        self.column += 1;
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            b'\n' | 0x0b | 0x0c => self.line_feed(),
            b'\t' => self.tab(),
            0x08 => self.column = self.column.saturating_sub(1),
            // Bells, NULs and the like show nothing.
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _: bool, action: u8) {
        if !intermediates.is_empty() {
            return;
        }
        let nth = |n: usize| {
            params.iter().nth(n).and_then(|it| it.first()).map_or(0, |it| usize::from(*it))
        };
        let (mode, count) = (nth(0), nth(0).max(1));
        match action {
            b'A' => self.row = self.row.saturating_sub(count),
            b'B' => self.down(count),
            b'C' => self.column = (self.column + count).min(WIDTH - 1),
            b'D' => self.column = self.column.min(WIDTH).saturating_sub(count),
            b'E' => (self.row, self.column) = ((self.row + count).min(self.rows.len() - 1), 0),
            b'F' => (self.row, self.column) = (self.row.saturating_sub(count), 0),
            b'G' => self.column = (count - 1).min(WIDTH - 1),
            // The row is ignored, because nothing scrolls here and the top of the screen is unknown.
            b'H' | b'f' => self.column = (nth(1).max(1) - 1).min(WIDTH - 1),
            b'J' if mode == 0 => self.erase_below(),
            b'K' => self.erase_in_row(mode),
            b'P' => self.delete(count),
            b'@' => self.insert(count),
            b'X' => self.blank(self.column, count),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut screen = Screen::default();
        screen.feed(bytes);
        screen.lines(0, screen.height()).join("\n")
    }

    #[test]
    fn overwritten_text_is_removed() {
        assert_eq!(shown(b"ab\x08c"), "ac");
        assert_eq!(shown(b"10%\r100%\r\ndone"), "100%\ndone");
        assert_eq!(shown(b"--More--\r        \rnext"), "next");
        assert_eq!(
            shown(b"--More--\x08\x08\x08\x08\x08\x08\x08\x08        \r\x1b[Knext\x07"),
            "next"
        );
        assert_eq!(shown(b"\x1b[7mlines 1-2\x1b[27m\x1b[K\r\x1b[Kmore"), "more");
        assert_eq!(shown(b"abcdef\x1b[4D\x1b[2P!"), "ab!f");
        assert_eq!(shown(b"abc\r\x1b[1C\x1b[2@x"), "ax bc");
        assert_eq!(shown(b"abc\x1b[2Xd\x1b[1K"), "");
    }

    #[test]
    fn control_sequences_and_titles_are_not_text() {
        assert_eq!(
            shown(b"\x1b]0;admin@osdx\x07\x1b[?2004h\x1b[1;32madmin\x1b[0m@osdx$ "),
            "admin@osdx$"
        );
        assert_eq!(shown(b"a\x00b\x1b(Bc\x1b[?25l\x1b[6n"), "abc");
        assert_eq!(shown(b"a\x1b[999999999999999999999Cb").len(), WIDTH);
        assert_eq!(shown(b"a\xff\xc3\xa9"), "a\u{e9}");
    }

    /// Recorded from `sceplab dut` on a terminal of 20 columns; here it has 512.
    #[test]
    fn line_redrawn_by_an_editor_is_read() {
        let redrawn = b"\r\x1b[Jadmin@osdx$ s\r\x1b[13C\r\x1b[Jadmin@osdx$ sh\r\x1b[14C\r\nout\r\nadmin@osdx$ ";
        assert_eq!(shown(redrawn), "admin@osdx$ sh\nout\nadmin@osdx$");
    }

    #[test]
    fn line_longer_than_the_screen_stays_one_line() {
        let long = "x".repeat(WIDTH * 2 + 7);
        let mut screen = Screen::default();
        screen.feed(format!("{long}\r\nnext").as_bytes());
        assert_eq!(screen.lines(0, screen.height()), [long.as_str(), "next"]);
        assert_eq!(screen.end_of_first_line(), 3);
        screen.begin();
        assert_eq!((screen.height(), screen.cells), (1, 0));
    }

    #[test]
    fn invisible_cells_and_rows_are_counted() {
        let mut screen = Screen::default();
        screen.feed(&b"\x1b[511Cx\r\n".repeat(100));
        assert!(screen.cells >= 100 * WIDTH, "{}", screen.cells);
        let mut screen = Screen::default();
        screen.feed(&b"\r\n".repeat(100));
        assert_eq!(screen.cells, 100);
        screen.feed(b"\x1b[50A\x1b[J");
        assert_eq!((screen.height(), screen.cells), (51, 100));
        screen.feed(b"x\x1b[D\x1b[9@");
        assert_eq!(screen.cells, 110);
    }
}
