//! The reasons why a state cannot be used, in words for its owner.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The reason why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file or directory cannot be read or written.
    #[error("cannot {doing} `{}`: {error}", path.display())]
    Io {
        /// The failed operation, such as `write`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The database cannot be read or written, such as on a full disk.
    #[error("cannot use the database `{}`: {reason}", path.display())]
    Database {
        /// The file of the database.
        path: PathBuf,
        /// SQLite's reason.
        reason: String,
    },
    /// There is no state directory, and the memory for records is used up.
    #[error("the memory for certificates and requests that wait is used up")]
    NoMemory,
    /// Another server uses the directory.
    #[error("`{}` is in use by another server", .0.display())]
    Locked(PathBuf),
    /// Another program has locked the database.
    #[error(
        "`{}` is locked by another program, such as a `sqlite3` with an open transaction: end it, and try again",
        .0.display()
    )]
    DatabaseLocked(PathBuf),
    /// The directory contains something else than a state.
    #[error("`{}` is no state directory: it contains `{found}` and no `state.db`; give an empty directory", path.display())]
    NotAState {
        /// The directory.
        path: PathBuf,
        /// An entry of the directory.
        found: String,
    },
    /// The directory for a copy has something in it.
    #[error("`{}` contains `{found}`: a copy needs an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// An entry of the directory.
        found: String,
    },
    /// The directory has parts of a state, and its database is missing.
    #[error(
        "`{}` contains `{found}`, and `{missing}` is missing: put `{missing}` back, such as from a backup, or give an empty \
         directory for a new CA",
        path.display()
    )]
    Incomplete {
        /// The directory.
        path: PathBuf,
        /// A part of a state that is there.
        found: String,
        /// The missing file.
        missing: &'static str,
    },
    /// A part of the state is missing.
    #[error("`{}` is missing: put it back, such as from a backup, or give an empty directory for a new CA", .0.display())]
    Missing(PathBuf),
    /// The directory has the states of two versions.
    #[error(
        "`{}` holds both `state.db` and `state.json`, which an older version writes: move the one that is out of date to another \
         directory",
        .0.display()
    )]
    Ambiguous(PathBuf),
    /// The state is that of the first version of this program, with another format.
    #[error("`{}` holds the state of an older version, which this version cannot read: give another directory", .0.display())]
    Outdated(PathBuf),
    /// The state is that of a newer version of this program.
    #[error(
        "`{}` was written by a newer version of this program (format {found}, and this version knows {known}): use that \
         version, or give another directory",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        found: u32,
        /// The version that this program writes.
        known: u32,
    },
    /// The database belongs to another program.
    #[error("`{}` is a database of another application: give another directory", .0.display())]
    ForeignDatabase(PathBuf),
    /// A file is not as it was written.
    #[error("`{}` is damaged: {reason}; restore it from a backup, or give another directory", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The mistake in it.
        reason: String,
    },
    /// Numbers that certificates have would be given out again.
    #[error(
        "serial numbers would repeat: certificates up to number {issued} were issued, and the next one of `{}` is {next}; put \
         the newer `state.db` back, with its `state.db-wal`, or let it continue after them: `sqlite3 '{}' \"UPDATE ca SET \
         next_certificate = {}\"`",
        path.display(), path.display(), issued + 1
    )]
    Repeats {
        /// The file of the database.
        path: PathBuf,
        /// The number of the newest certificate.
        issued: u64,
        /// The number that would be next.
        next: u64,
    },
    /// Other users can read a secret, or change the state.
    #[error(
        "the mode {mode:04o} of `{}` lets other users {what}: `chmod {mend} '{}'` mends it",
        path.display(), path.display()
    )]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What others can do.
        what: &'static str,
        /// The argument of `chmod` that mends it.
        mend: &'static str,
    },
    /// Something else is in the place of a file, such as a directory or a pipe.
    #[error("`{}` is no regular file: remove it, or give another directory", .0.display())]
    NotAFile(PathBuf),
    /// Complete files that wait to be moved to their places, and one of these is taken.
    #[error(
        "`{}` has files that a start of a server had yet to move to their places, and `{}` is there already, so they are not all of one \
         state: move `{}` out of the directory if the files beside it are the state that you want, otherwise `{}`",
        complete.display(), place.display(), complete.display(), place.display()
    )]
    PlaceTaken {
        /// The directory of the complete files.
        complete: PathBuf,
        /// The place that is taken.
        place: PathBuf,
    },
    /// The state belongs to another CA than that of the settings.
    #[error("`{}` holds a CA with the {what} `{stored}`, not `{asked}`", path.display())]
    OtherCa {
        /// The directory.
        path: PathBuf,
        /// The property that differs.
        what: &'static str,
        /// The value in the state.
        stored: String,
        /// The value in the settings.
        asked: String,
    },
}

pub(super) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |error| StateError::Io { doing, path, error }
}

pub(super) fn damaged(path: &Path, reason: &impl ToString) -> StateError {
    StateError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}
