//! Texts of files, and places in them.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use files::ReadError;
use serde::Serialize;

use self::characters::Characters;
use super::Diagnostic;

mod characters;

/// The largest file accepted, in bytes.
pub const SIZE_LIMIT: u64 = 1024 * 1024;

/// The longest part of a line in an excerpt, in characters.
const SHOWN: usize = 160;

/// The maximum number of characters of a line that are shown before the mistake.
const SHOWN_BEFORE: usize = 60;

/// The maximum number of characters of a line that are kept on each side of the part that is shown, because a secret may begin or end
/// there. The longest forms in which a password of usual length is recognised are shorter.
const KEPT: usize = 1024;

/// The text of a file.
#[derive(Debug)]
pub struct Source {
    path: String,
    text: String,
    line_starts: Vec<usize>,
    characters: Characters,
}

/// A range of bytes in a file.
#[derive(Debug, Clone)]
pub struct Place {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Place.
    pub place: Place,
}

/// A place as reports show it: plain data, without the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Excerpt {
    /// Path, as the user gave it.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// The line, or a part of it around the place if it is long.
    pub text: String,
    /// Number of characters of `text` before the place.
    pub indent: usize,
    /// Number of characters of `text` at the place.
    pub width: usize,
    /// What is beside `text` in the line. No report has it.
    #[serde(skip)]
    pub beside: Beside,
}

/// The parts of a line beside the part that is shown, so that a secret is found whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beside {
    /// The characters before it, at most [`KEPT`].
    pub(crate) before: String,
    /// The characters after it, at most [`KEPT`].
    pub(crate) after: String,
}

/// Why a file is not read, as what follows "the file".
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It does not exist.
    #[error("cannot be read: there is no such file")]
    Missing,
    /// The user may not read it.
    #[error("cannot be read: permission denied")]
    Forbidden,
    /// It is larger than [`SIZE_LIMIT`]; it has so many bytes.
    #[error("cannot be read: it is larger than {SIZE_LIMIT} bytes (`{0}`)")]
    TooLarge(u64),
    /// It is no regular file, or the operating system reports another error.
    #[error("cannot be read: {0}")]
    Other(ReadError),
    /// It is not UTF-8 from this byte on; the offset is counted from 0, the line from 1.
    #[error("is not UTF-8: byte 0x{byte:02x} at offset {offset}, in line {line}")]
    NotUtf8 {
        /// The first byte that is wrong.
        byte: u8,
        /// Its offset.
        offset: usize,
        /// Its line.
        line: usize,
    },
}

impl Unreadable {
    fn of(error: ReadError) -> Self {
        match &error {
            ReadError::Io(system) => match system.kind() {
                ErrorKind::NotFound => Self::Missing,
                ErrorKind::PermissionDenied => Self::Forbidden,
                _ => Self::Other(error),
            },
            _ => Self::Other(error),
        }
    }
}

impl Source {
    /// The source of a text that has been read.
    pub fn new(path: impl Into<String>, text: String) -> Arc<Self> {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let characters = Characters::of(&text);
        Arc::new(Self { path: path.into(), text, line_starts, characters })
    }

    /// Reads a file of at most [`SIZE_LIMIT`] bytes of UTF-8.
    ///
    /// # Errors
    /// If it does not exist, is not readable, is too large, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Arc<Self>, Diagnostic> {
        let of_file =
            |reason| Diagnostic::of_file(path.display().to_string(), format!("the file {reason}"));
        Self::open(path).map_err(of_file)
    }

    /// The same; the error leaves it to the caller to name the file.
    ///
    /// # Errors
    /// As those of [`Source::read`].
    pub fn open(path: &Path) -> Result<Arc<Self>, Unreadable> {
        let text = String::from_utf8(bytes_of(path)?).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let (before, after) = error.as_bytes().split_at(valid);
            let line = before.split(|byte| *byte == b'\n').count();
            Unreadable::NotUtf8 { byte: after.first().copied().unwrap_or(0), offset: valid, line }
        })?;
        // A byte order mark is not part of the text, and would shift the columns of the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        Ok(Self::new(path.display().to_string(), text))
    }

    /// Path, as the user gave it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A range of bytes, moved into the text and to boundaries of characters if necessary.
    pub fn place(self: &Arc<Self>, start: usize, end: usize) -> Place {
        let start = self.boundary(start);
        let end = self.boundary(end).max(start);
        Place { source: Arc::clone(self), start, end }
    }

    /// The empty place at a line and column, both counted from 1.
    pub fn place_at(self: &Arc<Self>, line: usize, column: usize) -> Place {
        let start =
            self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        let offset: usize = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        self.place(start + offset, start + offset)
    }

    fn boundary(&self, offset: usize) -> usize {
        floor_char_boundary(&self.text, offset)
    }

    /// Number of the line at an offset, counted from 1.
    fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    fn line_range(&self, line: usize) -> (usize, usize) {
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        let text = &self.text[start..end];
        let text = text.strip_suffix('\n').unwrap_or(text);
        (start, start + text.strip_suffix('\r').unwrap_or(text).len())
    }

    /// The number of characters between two offsets.
    fn characters(&self, start: usize, end: usize) -> usize {
        self.characters.before(&self.text, end) - self.characters.before(&self.text, start)
    }
}

/// The last character boundary that is not after the offset.
pub fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Bytes of a regular file; a pipe would make the caller wait for its writer.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Unreadable> {
    files::regular(path, SIZE_LIMIT).map_err(|error| match error {
        ReadError::TooLong(_) => match std::fs::metadata(path) {
            Ok(file) => Unreadable::TooLarge(file.len()),
            Err(error) => Unreadable::of(ReadError::Io(error)),
        },
        other => Unreadable::of(other),
    })
}

impl Place {
    /// The file with the place.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The text at the place.
    pub fn text(&self) -> &str {
        &self.source.text[self.start..self.end]
    }

    /// The place with so many more bytes at its end.
    #[must_use]
    pub fn extended(&self, more: usize) -> Self {
        self.source.place(self.start, self.end + more)
    }

    /// The text after the place, to the end of the file.
    pub fn rest(&self) -> &str {
        &self.source.text[self.end..]
    }

    /// The text before the place in its line.
    pub fn before(&self) -> &str {
        let before = &self.source.text[..self.start];
        before.rsplit('\n').next().unwrap_or_default()
    }

    /// Number of the first line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.start)
    }

    /// A range of bytes within the place, counted from its start.
    #[must_use]
    pub fn within(&self, start: usize, end: usize) -> Self {
        self.source.place(
            (self.start + start).min(self.end),
            (self.start + end).min(self.end.max(self.start + start)),
        )
    }

    /// The line `number` lines below the first, without surrounding white space.
    pub fn line_below(&self, number: usize) -> Option<Self> {
        let line = self.line() + number;
        if line > self.source.line_starts.len() {
            return None;
        }
        let (start, end) = self.source.line_range(line);
        let text = &self.source.text[start..end];
        let indent = text.len() - text.trim_start().len();
        Some(self.source.place(start + indent, start + text.trim_end().len()))
    }

    /// The place as reports show it. The work does not depend on the length of the line, because a file of one line may have a
    /// mistake in each part of it.
    pub fn excerpt(&self) -> Excerpt {
        let source = &self.source;
        let line = self.line();
        let (line_start, line_end) = source.line_range(line);
        let start = self.start.min(line_end);
        let before = source.characters(line_start, start);
        let is_long = source.characters(line_start, line_end) > SHOWN;
        let skipped = if is_long { before.saturating_sub(SHOWN_BEFORE) } else { 0 };
        let indent = before - skipped;
        let back = |end: usize, count| {
            let before = source.text[line_start..end].char_indices().rev();
            before.take(count).last().map_or(end, |(at, _)| line_start + at)
        };
        let shown_start = back(start, indent);
        let text: String = source.text[shown_start..line_end].chars().take(SHOWN).collect();
        let rest = &source.text[shown_start + text.len()..line_end];
        let beside = Beside {
            before: source.text[back(shown_start, KEPT)..shown_start].to_owned(),
            after: rest.chars().take(KEPT).collect(),
        };
        let marked: String =
            source.text[start..self.end.clamp(start, line_end)].chars().take(SHOWN).collect();
        Excerpt {
            path: source.path.clone(),
            line,
            column: before + 1,
            text,
            indent,
            width: marked.trim_end().chars().count().min(SHOWN.saturating_sub(indent)).max(1),
            beside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let source = Source::new("a", format!("{}x{}", "a".repeat(5000), "b".repeat(5000)));
        let excerpt = source.place(5000, 5001).excerpt();
        assert_eq!((excerpt.line, excerpt.column, excerpt.width), (1, 5001, 1));
        assert_eq!(excerpt.text.chars().count(), SHOWN);
        assert_eq!(excerpt.text.chars().nth(excerpt.indent), Some('x'));
    }

    #[test]
    fn excerpt_of_a_line_of_wide_characters_counts_characters() {
        let line = format!("{}\u{e9}x \u{1f511}\r", "\u{e9}\u{1f511}a".repeat(3000));
        let text = format!("first\n{line}\nlast");
        let source = Source::new("a", text.clone());
        let at = text.find('x').unwrap();
        let excerpt = source.place(at, at + 1).excerpt();
        assert_eq!((excerpt.line, excerpt.column, excerpt.indent), (2, 9002, SHOWN_BEFORE));
        assert!(excerpt.text.ends_with("\u{e9}x \u{1f511}"), "{}", excerpt.text);
        assert_eq!(source.place(0, 5).excerpt().text, "first");
        assert_eq!(source.place(text.len(), text.len()).excerpt().column, 5);
    }

    #[test]
    fn a_place_outside_the_text_is_moved_to_its_end() {
        let source = Source::new("a", "ab\n".to_owned());
        assert_eq!(source.place(99, 120).excerpt().line, 2);
        assert_eq!(source.place_at(7, 3).excerpt().text, "");
    }

    #[test]
    fn a_large_file_is_rejected_before_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.yaml");
        std::fs::File::create(&path).unwrap().set_len(50 * 1024 * 1024).unwrap();
        let error = Source::read(&path).unwrap_err();
        assert!(error.message.contains("larger than 1048576 bytes"), "{}", error.message);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_file_is_rejected_before_opening() {
        let error = Source::read(Path::new("/dev/null")).unwrap_err();
        assert!(error.message.contains("it is not a regular file"), "{}", error.message);
    }

    #[test]
    fn invalid_utf_8_is_reported_with_its_offset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin.yaml");
        std::fs::write(&path, b"a: 1\nb: \xfc\n").unwrap();
        let error = Source::read(&path).unwrap_err();
        assert_eq!(error.message, "the file is not UTF-8: byte 0xfc at offset 8, in line 2");
    }
}
