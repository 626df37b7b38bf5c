//! Child processes in process groups, with time limits; the newest lines of their output; the time that programs are shown; and messages
//! between processes.
#![forbid(unsafe_code)]

mod child;
pub mod faketime;
pub mod guard;
mod lines;
pub mod messages;
mod output;

pub use self::child::{Event, Process, Stream, guard_killed};
pub use self::lines::{LINE_LIMIT, Lines, Tail, is_no_text};
pub use self::output::Output;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// A program by name in the folders of `path`, or at its own path if the name has a separator. A file that is not
/// executable is returned only if there is no other.
pub fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.contains(MAIN_SEPARATOR) {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let candidates = || std::env::split_paths(path).map(|folder| folder.join(name));
    let executable = candidates().find(|candidate| is_executable(candidate));
    executable.or_else(|| candidates().find(|candidate| candidate.is_file()))
}

/// True for a file that some user may execute.
pub fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};

    use super::*;

    #[test]
    fn an_executable_file_is_preferred() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        for folder in [&first, &second] {
            create_dir(folder).unwrap();
            write(folder.join("program"), "").unwrap();
        }
        let path = std::env::join_paths([&first, &second]).unwrap();
        assert_eq!(find("program", &path), Some(first.join("program")));
        set_permissions(second.join("program"), Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("program", &path), Some(second.join("program")));
        assert_eq!(find("another", &path), None);
        let direct = first.join("program").display().to_string();
        assert_eq!(find(&direct, OsStr::new("")), Some(first.join("program")));
    }
}
