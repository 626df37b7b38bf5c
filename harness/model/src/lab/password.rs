//! Sources of passwords, and how to read them.

use std::path::{Path, PathBuf};

use files::ReadError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Secret;
use super::values::{path, secret, variable};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// Source of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordSource {
    /// The lab file.
    Given(Secret),
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// The reason why there is no password; it shows nothing of the content of a source.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// The first line of a file is no password.
    #[error("the password in `{path}` {fault}", path = .0.display(), fault = .1)]
    FirstLine(PathBuf, FileFault),
    /// A file of passwords cannot be used.
    #[error("`{path}` {fault}", path = .0.display(), fault = .1)]
    Lines(PathBuf, FileFault),
    /// An environment variable is not set, or empty.
    #[error("the environment variable{} holds no password", shown(.0))]
    Variable(String),
}

/// What is wrong with a file of passwords.
#[derive(Debug, Error)]
pub enum FileFault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(ReadError),
    /// It is in UTF-16.
    #[error("cannot be read: the file is in UTF-16, save it in UTF-8")]
    Utf16,
    /// It is not in UTF-8.
    #[error("cannot be read: the file is not in UTF-8")]
    NotUtf8,
    /// Its first line is empty.
    #[error("is missing: its first line is empty")]
    FirstLineIsEmpty,
    /// It has no password.
    #[error("holds no password")]
    Empty,
}

impl PasswordSource {
    /// Reads the password; waits if a file is a pipe. An error shows nothing of the source's content.
    ///
    /// # Errors
    /// If the file cannot be read, the variable is not set, or the password is empty.
    pub fn read(&self) -> Result<Secret, PasswordError> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => first_line(path),
            Self::Environment(name) => password_of(name),
        }
    }

    /// The passwords of the source, as far as they can be read without waiting: all lines of a file, which may be a list.
    pub(super) fn at_hand(&self) -> Vec<Secret> {
        match self {
            Self::Given(secret) => vec![secret.clone()],
            Self::File(path) => lines_at_hand(path),
            Self::Environment(name) => password_of(name).into_iter().collect(),
        }
    }

    /// Reads `password`, `password-file` or `password-env`, if one is given; `example` is a variable's name for messages.
    pub(super) fn decode(fields: &Fields<'_>, example: &str, problems: &Problems) -> Option<Self> {
        let keys = ["password", "password-file", "password-env"];
        let given: Vec<&Node> = keys.iter().filter_map(|key| fields.optional(key)).collect();
        if let [_, more, ..] = given.as_slice() {
            let message = "a password comes from one place";
            problems.add(Diagnostic::at(&more.place, message).label("leave this one out"));
        }
        if let Some(node) = fields.optional("password") {
            return secret(node, problems).map(Self::Given);
        }
        if let Some(node) = fields.optional("password-file") {
            return path(node, problems).map(Self::File);
        }
        let node = fields.optional("password-env")?;
        variable(node, example, problems).map(Self::Environment)
    }
}

/// The mark that some editors write at the start of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// First line of a file, with its blanks.
fn first_line(path: &Path) -> Result<Secret, PasswordError> {
    let wrong = |fault| PasswordError::FirstLine(path.to_owned(), fault);
    let text = text_of(path).map_err(wrong)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(wrong(FileFault::FirstLineIsEmpty)),
    }
}

/// The largest file of passwords, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// The largest file that is read only to hide its passwords, in bytes: a search for more takes long.
const LIMIT_AT_HAND: u64 = 64 * 1024;

/// The text of a file, which may be a pipe, in UTF-8, without a byte order mark.
fn text_of(path: &Path) -> Result<String, FileFault> {
    decoded(files::stream(path, LIMIT).map_err(FileFault::Unreadable)?)
}

/// The lines of a regular file that are not blank; none if it cannot be read as a text.
fn lines_at_hand(path: &Path) -> Vec<Secret> {
    let bytes = files::regular(path, LIMIT_AT_HAND).unwrap_or_default();
    let text = decoded(bytes).unwrap_or_default();
    text.lines().filter(|line| !line.trim().is_empty()).map(Secret::new).collect()
}

fn decoded(bytes: Vec<u8>) -> Result<String, FileFault> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(FileFault::Utf16);
    }
    let mut text = String::from_utf8(bytes).map_err(|_| FileFault::NotUtf8)?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}

/// The passwords in a file, one per line with its blanks; lines without any other character are skipped.
///
/// # Errors
/// If it cannot be read, or has no password.
pub fn passwords_in(path: &Path) -> Result<Vec<Secret>, PasswordError> {
    let wrong = |fault| PasswordError::Lines(path.to_owned(), fault);
    let text = text_of(path).map_err(wrong)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let passwords: Vec<Secret> = lines.map(Secret::new).collect();
    if passwords.is_empty() {
        return Err(wrong(FileFault::Empty));
    }
    Ok(passwords)
}

/// The password in an environment variable.
///
/// # Errors
/// If the variable is not set, or empty.
pub fn password_of(variable: &str) -> Result<Secret, PasswordError> {
    match std::env::var(variable) {
        Ok(password) if !password.is_empty() => Ok(Secret::new(password)),
        _ => Err(PasswordError::Variable(variable.to_owned())),
    }
}

/// The name of a variable for messages; empty if it looks like a password.
pub fn shown(variable: &str) -> String {
    let usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if variable.bytes().all(usual) { format!(" `{variable}`") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn password_is_first_line_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let password = |text: &str| {
            let file = folder.path().join("password");
            fs::write(&file, text).unwrap();
            first_line(&file).map_err(|error| error.to_string())
        };
        assert_eq!(password("s3cret \r\nmore\n").unwrap().expose(), "s3cret ");
        assert_eq!(password("\u{feff}s3cret\r\n").unwrap().expose(), "s3cret");
        assert!(password("\nx").unwrap_err().contains("first line is empty"));
        assert!(password("\u{feff}\r\n").unwrap_err().contains("first line is empty"));
        let error = first_line(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }

    #[test]
    fn passwords_at_hand_are_read_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let clear = |source: PasswordSource| {
            let secrets = source.at_hand();
            secrets.iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>()
        };
        let file = folder.path().join("passwords");
        fs::write(&file, "\u{feff}one\r\n\ntwo\n").unwrap();
        assert_eq!(clear(PasswordSource::File(file.clone())), ["one", "two"]);
        fs::write(&file, vec![b'a'; 65 * 1024]).unwrap();
        assert_eq!(clear(PasswordSource::File(file)), [""; 0]);
        for none in ["/dev/zero", "/dev/stdin", "/nowhere/at/all"] {
            assert_eq!(clear(PasswordSource::File(none.into())), [""; 0], "{none}");
        }
        let variable = PasswordSource::Environment("PATH".to_owned());
        assert_eq!(clear(variable), [std::env::var("PATH").unwrap()]);
    }

    #[test]
    fn passwords_are_lines_without_line_ends_and_byte_order_mark() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords");
        let passwords = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            let read = passwords_in(&file).map_err(|error| error.to_string())?;
            Ok::<_, String>(read.iter().map(|one| one.expose().to_owned()).collect::<Vec<_>>())
        };
        for bytes in ["s3cret", "s3cret\n", "s3cret\r\n", "\u{feff}s3cret\r\n", "\n\ns3cret\n \n"] {
            assert_eq!(passwords(bytes.as_bytes()).unwrap(), ["s3cret"], "{bytes:?}");
        }
        assert_eq!(passwords(b"one\r\n two \r\n").unwrap(), ["one", " two "]);
        assert!(passwords("\u{feff}\r\n".as_bytes()).unwrap_err().contains("holds no password"));
        let windows = passwords(b"\xff\xfes\0\n\0").unwrap_err();
        assert!(windows.ends_with("the file is in UTF-16, save it in UTF-8"), "{windows}");
        let latin = passwords(b"gr\xfcn\n").unwrap_err();
        assert!(latin.ends_with("the file is not in UTF-8"), "{latin}");
    }
}
