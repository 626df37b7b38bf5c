//! The files that this process has read, so that it replaces none of them by what it writes.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file, whatever its path: its device and its inode.
type Identity = (u64, u64);

/// The path under which each file was read last.
static READ: Mutex<BTreeMap<Identity, PathBuf>> = Mutex::new(BTreeMap::new());

/// The path under which this process has read the file that is at `path`; `None` if it has not, or nothing is there. Both paths may be
/// spelled in any way, also by links.
pub fn read_as(path: &Path) -> Option<PathBuf> {
    let found = identity(&fs::metadata(path).ok()?);
    let read = files().get(&found).cloned()?;
    // The number of a file that was removed may be that of another file now.
    let is_there = fs::metadata(&read).is_ok_and(|metadata| identity(&metadata) == found);
    is_there.then_some(read)
}

/// Notes that a file is read. What is no regular file cannot be replaced.
pub(crate) fn note(path: &Path, metadata: &Metadata) {
    if metadata.is_file() {
        files().insert(identity(metadata), path.to_owned());
    }
}

fn files() -> MutexGuard<'static, BTreeMap<Identity, PathBuf>> {
    READ.lock().unwrap_or_else(PoisonError::into_inner)
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::{regular, stream};

    #[test]
    fn file_that_was_read_is_known_under_each_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b", "c"] {
            fs::write(at(name), "").unwrap();
        }
        symlink("a", at("link")).unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        regular(&at("a"), 1).unwrap();
        stream(&at("b"), 1).unwrap();
        for name in ["a", "link", "hard", "./a"] {
            assert_eq!(read_as(&at(name)), Some(at("a")), "{name}");
        }
        assert_eq!(read_as(&at("b")), Some(at("b")));
        assert_eq!((read_as(&at("c")), read_as(&at("none"))), (None, None));
    }
}
