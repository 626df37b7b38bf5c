//! What a user names: a file, standard input, a folder, or a text on the command line.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{InputError, MAX_INPUT_BYTES, budget::Budget, folder, recognise, recorded};
use crate::item::InputItem;

/// The longest beginning of a text that names it, in characters: too short for a message or a password in it.
const NAMED: usize = 12;

/// What a user names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, which may be a pipe.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// A text from the command line.
    Text(String),
    /// A folder of saved messages.
    Folder(PathBuf),
}

impl Source {
    /// The source that an argument of a command names: `-`, a path that exists, or else a text.
    pub fn named(argument: &OsStr) -> Self {
        let path = Path::new(argument);
        match fs::metadata(path) {
            _ if argument == "-" => Self::StandardInput,
            Ok(metadata) if metadata.is_dir() => Self::Folder(path.to_owned()),
            Ok(_) => Self::File(path.to_owned()),
            Err(_) => match argument.to_str() {
                Some(text) => Self::Text(text.to_owned()),
                None => Self::File(path.to_owned()),
            },
        }
    }

    /// The items in the source.
    pub(super) fn items(&self, budget: &mut Budget) -> Result<Vec<InputItem>, InputError> {
        match self {
            Self::File(path) => stream(path, &path.display().to_string(), budget),
            Self::StandardInput => stream(Path::new("/dev/stdin"), "-", budget),
            Self::Folder(path) => match recorded::items(path, budget)? {
                Some(items) => Ok(items),
                None => folder::items(path, budget),
            },
            Self::Text(text) => in_text(text, budget),
        }
    }
}

fn stream(path: &Path, origin: &str, budget: &mut Budget) -> Result<Vec<InputItem>, InputError> {
    let bytes = files::stream(path, MAX_INPUT_BYTES)
        .map_err(|error| InputError::Unreadable(origin.to_owned(), error))?;
    recognise::whole(origin, &bytes, budget)
}

fn in_text(text: &str, budget: &mut Budget) -> Result<Vec<InputItem>, InputError> {
    let start: String = text.chars().take(NAMED).collect();
    let origin = if start.len() < text.len() { format!("{start}…") } else { start };
    recognise::whole(&origin, text.as_bytes(), budget).map_err(|error| match error {
        InputError::Unrecognised(found)
            if looks_like_path(text) || (found.tried.is_empty() && looks_like_name(text)) =>
        {
            InputError::NoSuchFile(text.to_owned())
        }
        error => error,
    })
}

/// True for a short text without blanks that has a slash or an ending.
fn looks_like_path(text: &str) -> bool {
    let is_short = text.len() <= 256 && !text.contains(char::is_whitespace);
    is_short && !text.contains(['=', '?']) && text.contains(['/', '.'])
}

/// True for a text that is a single word, as the names of files and folders are.
fn looks_like_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '+' | '@' | '~');
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argument_names_standard_input_a_path_or_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(Source::named(OsStr::new("-")), Source::StandardInput);
        assert_eq!(Source::named(file.as_os_str()), Source::File(file.clone()));
        let named = Source::named(folder.path().as_os_str());
        assert_eq!(named, Source::Folder(folder.path().to_owned()));
        assert_eq!(Source::named(OsStr::new("MIIB")), Source::Text("MIIB".to_owned()));
    }

    #[test]
    fn missing_file_is_named() {
        for name in ["captures/none.pcap", "nosuch.der", "nosuch"] {
            let error = Source::Text(name.to_owned()).items(&mut Budget::default());
            let words = error.unwrap_err().to_string();
            assert!(words.starts_with(&format!("there is no file `{name}`")), "{words}");
        }
    }
}
