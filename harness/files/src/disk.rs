//! The changes of the file system of which a set of files is made. A test stops after each of them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::Path;

use super::Readers;

/// Changes of the file system, each of which happens or not.
pub(crate) trait Disk: Sync {
    /// Makes a folder, which must not exist.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a file, which must not exist, writes and flushes it.
    fn write_new(&self, path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()>;

    /// Makes a symbolic link, which must not exist.
    fn link(&self, target: &Path, path: &Path) -> io::Result<()>;

    /// Renames a file or link, and replaces another one.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Flushes the names in a folder.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Removes a file or link.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with its content.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kernel;

impl Disk for Kernel {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o755).create(path)
    }

    fn write_new(&self, path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(readers.mode()).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        symlink(target, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}

#[cfg(test)]
pub(crate) mod stopping {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A disk that makes some changes, and then none: what a killed program leaves. Or it refuses one alone, as a broken one does.
    pub(crate) struct StoppingDisk {
        left: AtomicUsize,
        refuses_one: bool,
    }

    impl StoppingDisk {
        pub(crate) fn after(changes: usize) -> Self {
            Self { left: AtomicUsize::new(changes), refuses_one: false }
        }

        pub(crate) fn refusing_one_after(changes: usize) -> Self {
            Self { refuses_one: true, ..Self::after(changes) }
        }

        pub(crate) fn has_stopped(&self) -> bool {
            self.left.load(Ordering::Relaxed) == 0
        }

        fn may_change(&self) -> io::Result<()> {
            let less = |left: usize| left.checked_sub(1);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
                if self.refuses_one {
                    self.left.store(usize::MAX, Ordering::Relaxed);
                }
                return Err(io::Error::other("stopped"));
            }
            Ok(())
        }
    }

    impl Disk for StoppingDisk {
        fn make_folder(&self, path: &Path) -> io::Result<()> {
            self.may_change().and_then(|()| Kernel.make_folder(path))
        }

        /// Three changes: the file is made, half of it is written, all is written.
        fn write_new(&self, path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
            self.may_change()?;
            Kernel.write_new(path, b"", readers)?;
            for end in [bytes.len() / 2, bytes.len()] {
                self.may_change()?;
                fs::write(path, &bytes[..end])?;
            }
            Ok(())
        }

        fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
            self.may_change().and_then(|()| Kernel.link(target, path))
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.may_change().and_then(|()| Kernel.rename(from, to))
        }

        fn sync_folder(&self, path: &Path) -> io::Result<()> {
            self.may_change().and_then(|()| Kernel.sync_folder(path))
        }

        fn remove_file(&self, path: &Path) -> io::Result<()> {
            self.may_change().and_then(|()| Kernel.remove_file(path))
        }

        fn remove_folder(&self, path: &Path) -> io::Result<()> {
            self.may_change().and_then(|()| Kernel.remove_folder(path))
        }
    }
}
