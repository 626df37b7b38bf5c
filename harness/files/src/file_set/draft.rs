//! A version of a set of files that is being written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{CURRENT, Disk, FileSet, NEW, Set, VERSIONS, lock};
use crate::Readers;

/// The file that keeps room on the disk for files whose content is not known yet.
const ROOM: &str = "room";

/// What became of a version that could not be put in place, or not for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Not all files were written; those that were are in this folder.
    InPart(PathBuf),
    /// All files were written, and are in this folder; [`FileSet::finish_earlier`] puts them in their places.
    Complete(PathBuf),
    /// All files are in their places, but the disk did not say that it has them.
    InPlace,
}

/// A new version of a set of files. It is removed on drop, unless it was put in place or kept.
pub struct Draft<'a> {
    set: Set<'a>,
    /// The name that the version gets when it is complete.
    name: Option<String>,
    /// The topmost folder that was made for it.
    made: Option<PathBuf>,
    /// False if it is in its place, or was kept.
    is_open: bool,
    _lock: Option<File>,
}

impl<'a> Draft<'a> {
    pub(super) fn begin(files: &'a FileSet, disk: &'a dyn Disk) -> io::Result<Self> {
        let made = make_folders(&files.folder, disk)?;
        let lock = lock(&files.folder)?;
        let set = Set { files, disk };
        let draft = Self { set, name: None, made, is_open: true, _lock: lock };
        draft.prepare()?;
        Ok(draft)
    }

    /// Makes the folders, and copies files that are no links yet; finds out if the file system has links.
    fn prepare(&self) -> io::Result<()> {
        let set = &self.set;
        if !set.versions().try_exists()? {
            set.disk.make_folder(&set.versions())?;
        }
        set.remove_others()?;
        set.adopt()?;
        let next = set.next()?;
        set.disk.link(Path::new(NEW), &next)?;
        set.disk.remove_file(&next)?;
        set.disk.make_folder(&set.new_version())
    }

    /// Writes and flushes a file.
    ///
    /// # Errors
    /// If that fails.
    pub fn write(&self, name: &str, bytes: &[u8], readers: Readers) -> io::Result<()> {
        self.set.disk.write_new(&self.set.new_version().join(name), bytes, readers)
    }

    /// Fills so many bytes of the disk, until [`Self::release`].
    ///
    /// # Errors
    /// If there is not so much room.
    pub fn reserve(&self, bytes: usize) -> io::Result<()> {
        self.set.disk.write_new(&self.set.new_version().join(ROOM), &vec![0; bytes], Readers::Owner)
    }

    /// Gives the reserved bytes to the files that are written next.
    ///
    /// # Errors
    /// If the file that keeps them cannot be removed.
    pub fn release(&self) -> io::Result<()> {
        self.set.disk.remove_file(&self.set.new_version().join(ROOM))
    }

    /// Puts all files in their places at once.
    ///
    /// # Errors
    /// If that fails; then the earlier files, if any, are in their places, unless [`Draft::keep`] says [`Kept::InPlace`].
    pub fn put_in_place(&mut self) -> io::Result<()> {
        let name = self.name.insert(self.set.next_number()?.to_string());
        self.set.complete(name)?;
        // From here on, the next run would put it in place.
        self.is_open = false;
        self.set.put_in_place(name)?;
        // An old version does no harm, and the next run removes it.
        let _ = self.set.remove_others();
        Ok(())
    }

    /// Keeps what is written so far, although it is not in its place for certain.
    pub fn keep(mut self) -> Kept {
        self.is_open = false;
        let folder = |name| self.set.versions().join(name);
        if let Some(complete) = self.name.as_ref().filter(|name| folder(*name).exists()) {
            return match self.set.current() {
                Ok(current) if current.as_ref() == Some(complete) => Kept::InPlace,
                _ => Kept::Complete(folder(complete)),
            };
        }
        let name = |number| self.set.versions().join(format!("unfinished-{number}"));
        let kept = (1..=u32::MAX).map(name).find(|path| !path.exists()).unwrap_or_default();
        Kept::InPart(match self.set.disk.rename(&self.set.new_version(), &kept) {
            Ok(()) => kept,
            Err(_) => self.set.new_version(),
        })
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let set = &self.set;
        let _ = set.disk.remove_folder(&set.new_version());
        if set.versions().join(CURRENT).is_symlink() {
            return;
        }
        // Only empty folders go.
        let _ = fs::remove_dir(set.versions());
        if let Some(made) = &self.made {
            remove_empty(&set.files.folder, made);
        }
    }
}

/// Makes a folder and those above it; returns the topmost one that was made.
fn make_folders(folder: &Path, disk: &dyn Disk) -> io::Result<Option<PathBuf>> {
    let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(missing).collect();
    for path in missing.iter().rev() {
        match disk.make_folder(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(missing.last().map(|path| (*path).to_owned()))
}

/// Removes empty folders, from `folder` up to `top`.
fn remove_empty(folder: &Path, top: &Path) {
    for path in folder.ancestors() {
        if fs::remove_dir(path).is_err() || path == top {
            return;
        }
    }
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("folder", &self.set.files.folder.join(VERSIONS)).finish()
    }
}
