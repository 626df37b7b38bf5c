//! A bundle has only folders and regular files: a link could lead out of it, and a pipe would be waited for.

use std::fs;
use std::path::Path;

use super::{OpenError, shown, too_much, unreadable};

/// Limit of entries in a bundle; more than the messages of the longest recording.
const MOST_ENTRIES: usize = 60_000;

/// Limit of folders in one another.
const DEEPEST: usize = 40;

/// Refuses a folder with anything but folders and regular files in it.
pub(super) fn refuse(folder: &Path) -> Result<(), OpenError> {
    let mut entries = 0;
    let mut waiting = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let path = entry.path();
            entries += 1;
            if entries > MOST_ENTRIES {
                return Err(too_much(&path, format!("it has {MOST_ENTRIES} entries at most")));
            }
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            if kind.is_symlink() || !(kind.is_dir() || kind.is_file()) {
                let what = if kind.is_symlink() { "a symbolic link" } else { "no regular file" };
                return Err(OpenError::Special { path: shown(&path), what });
            }
            if kind.is_dir() && depth == DEEPEST {
                let limit = format!("it has {DEEPEST} folders in one another at most");
                return Err(too_much(&path, limit));
            }
            if kind.is_dir() {
                waiting.push((path, depth + 1));
            }
        }
    }
    Ok(())
}
