//! The file `next-number`: the number of the next certificate beside the database, so that an older database in its place is
//! noticed before numbers repeat.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
};

use rusqlite::Connection;

use super::{StateError, error::damaged, files};

/// The name of the file.
pub(super) const NEXT_NUMBER: &str = "next-number";

/// The file, and the number in it. It is not flushed: if the machine stops, an older number is in it, which does no harm.
#[derive(Debug)]
pub(super) struct NextNumber {
    file: File,
    written: u64,
}

impl NextNumber {
    /// Opens the file in a directory; it is made if it does not exist.
    pub(super) fn open(directory: &Path) -> Result<Self, StateError> {
        let path = directory.join(NEXT_NUMBER);
        let content = files::read_if_there(&path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        let written = match text.trim() {
            "" => 0,
            digits => digits.parse().map_err(|_| damaged(&path, &"it holds no number"))?,
        };
        Ok(Self { file: files::open_private(&path)?, written })
    }

    /// The number of the next certificate, as of the last commit that was noted.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Notes the number after a commit.
    pub(super) fn follow(&mut self, connection: &Connection) {
        let query = "SELECT next_certificate FROM ca";
        let next: Result<i64, _> = connection.query_row(query, [], |row| row.get(0));
        let next = next.ok().and_then(|next| u64::try_from(next).ok());
        if let Some(next) = next.filter(|next| *next > self.written)
            && self.write(next).is_ok()
        {
            self.written = next;
        }
    }

    /// Always as many bytes, so that a number replaces another in one write.
    fn write(&mut self, next: u64) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(format!("{next:010}\n").as_bytes())
    }
}
