//! Files that belong together: made in a directory of their own, and moved to their places when all of them are complete. A move
//! that was cut short is continued.

use std::{fs, path::Path};

use super::{StateError, error::at, files};

/// The directory of files that are being made; without value after a crash.
pub(super) const UNFINISHED: &str = ".unfinished";

/// The same directory when its files are complete.
pub(super) const COMPLETE: &str = ".complete";

/// Makes files in a new directory and flushes it; nothing else of the state changes.
pub(super) fn prepare(
    directory: &Path,
    make: impl FnOnce(&Path) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let unfinished = directory.join(UNFINISHED);
    files::make_directory(&unfinished)?;
    make(&unfinished)?;
    files::flush_directory(&unfinished)?;
    files::rename(&unfinished, &directory.join(COMPLETE))?;
    files::flush_directory(directory)
}

/// Moves complete files to their places.
pub(super) fn publish(directory: &Path) -> Result<(), StateError> {
    let complete = directory.join(COMPLETE);
    let prepared = files::entries(&complete)?;
    for path in &prepared {
        let place = directory.join(files::name_of(path));
        if files::exists(&place) {
            return Err(StateError::PlaceTaken { complete, place });
        }
    }
    for path in prepared {
        files::rename(&path, &directory.join(files::name_of(&path)))?;
    }
    files::flush_directory(directory)?;
    fs::remove_dir(&complete).map_err(at("remove", &complete))?;
    files::flush_directory(directory)
}

/// Removes what was being made when the program ended.
pub(super) fn discard(directory: &Path, name: &str) -> Result<(), StateError> {
    let path = directory.join(name);
    if files::exists(&path) {
        fs::remove_dir_all(&path).map_err(at("remove", &path))?;
    }
    Ok(())
}
