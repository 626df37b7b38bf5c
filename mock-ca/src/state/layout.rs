//! The names in a state directory, and what a directory contains by them.

use std::path::{Path, PathBuf};

use super::{
    StateError, authority, database::DATABASE, error::at, files, next_number::NEXT_NUMBER,
    prepared, version2,
};

/// The file that is locked while a server runs.
pub(super) const LOCK: &str = "lock";

/// The file of the first version of this program.
const FIRST_STATE: &str = "state";

/// What a directory contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or less than a CA that ever served.
    Nothing,
    /// Files that are complete and not all at their places.
    Prepared,
    /// A state.
    Current,
    /// The state of version 2.
    Version2,
}

impl Content {
    /// Looks into a directory, which may not exist; refuses one that is used for something else or lacks its main file.
    pub(super) fn of(directory: &Path) -> Result<Self, StateError> {
        let entries = match directory.metadata() {
            Ok(metadata) if !metadata.is_dir() => {
                let error = std::io::Error::from(std::io::ErrorKind::NotADirectory);
                return Err(at("open", directory)(error));
            }
            _ => files::entries(directory)?,
        };
        let has = |name: &str| entries.iter().any(|entry| files::name_of(entry) == name);
        match (has(DATABASE), has(version2::STATE), has(prepared::COMPLETE)) {
            (true, true, _) => Err(StateError::Ambiguous(directory.to_owned())),
            (false, true, _) => Ok(Self::Version2),
            (_, false, true) => Ok(Self::Prepared),
            (true, false, false) => Ok(Self::Current),
            _ if has(FIRST_STATE) && has(LOCK) => Err(StateError::Outdated(directory.to_owned())),
            _ => expect_nothing(directory, &entries),
        }
    }
}

/// Refuses a directory with anything but the traces of a start that was cut short.
fn expect_nothing(directory: &Path, entries: &[PathBuf]) -> Result<Content, StateError> {
    let is_trace = |name: &str| name == LOCK || name == prepared::UNFINISHED;
    let names = || entries.iter().map(|entry| files::name_of(entry));
    let Some(found) = names().find(|name| !is_trace(name)) else { return Ok(Content::Nothing) };
    let path = directory.to_owned();
    let part = names().find(|name| is_part(name) || version2::is_part(name));
    let Some(part) = part else {
        let found = found.to_owned();
        return Err(StateError::NotAState { path, found });
    };
    let is_old = names().any(version2::is_part);
    let missing = if is_old { version2::STATE } else { DATABASE };
    Err(StateError::Incomplete { path, found: part.to_owned(), missing })
}

/// True if a state has a file of this name.
fn is_part(name: &str) -> bool {
    authority::is_file(name) || name == NEXT_NUMBER || name.starts_with(DATABASE)
}
