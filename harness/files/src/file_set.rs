//! Files in a folder that change together, such as a key and its certificate.
//!
//! Two files cannot be replaced at once, but one link can. The folder has a link for each file, and all lead through one further link:
//!
//! ```text
//! mine/key.pem  -> .sceplab/current/key.pem
//! mine/cert.pem -> .sceplab/current/cert.pem
//! mine/.sceplab/current -> 2
//! mine/.sceplab/2/key.pem, mine/.sceplab/2/cert.pem
//! ```
//!
//! A new version is written and flushed in a folder of its own, which gets its number when it is complete. Renaming one link over
//! `current` makes all its files the current ones. Files that are no links yet are copied to a version first, and each link that takes
//! the place of one leads to the same bytes.

mod draft;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use self::draft::{Draft, Kept};
use super::disk::{Disk, Kernel};
use super::{Readers, regular};

/// The folder of the versions.
const VERSIONS: &str = ".sceplab";

/// The link to the current version.
const CURRENT: &str = "current";

/// A link that is renamed over another one.
const NEXT: &str = "next";

/// The folder of a version that is not complete.
const NEW: &str = "new";

/// The end of the name of a version that is a copy of files that were no links.
const COPIED: &str = "-copied";

/// Maximum length of a file of a set, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

/// A file of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The name of the file.
    pub name: &'static str,
    /// Who may read it.
    pub readers: Readers,
}

/// A folder with files that change together.
#[derive(Debug)]
pub struct FileSet {
    folder: PathBuf,
    members: &'static [Member],
}

impl FileSet {
    /// The files `members` in this folder, which may not exist yet.
    pub fn new(folder: PathBuf, members: &'static [Member]) -> Self {
        Self { folder, members }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts a version in its place that a killed run completed and did not put there; true if there was one.
    ///
    /// # Errors
    /// If another run uses the folder, or it cannot be read or changed.
    pub fn finish_earlier(&self) -> io::Result<bool> {
        if !self.folder.join(VERSIONS).try_exists()? {
            return Ok(false);
        }
        let _lock = lock(&self.folder)?;
        Set { files: self, disk: &Kernel }.finish_earlier()
    }

    /// Begins a new version. Everything that can fail before its files are known is done here.
    ///
    /// # Errors
    /// If another run uses the folder, or it cannot be changed.
    pub fn begin(&self) -> io::Result<Draft<'_>> {
        Draft::begin(self, &Kernel)
    }
}

/// Locks the folder until the file is closed; the kernel does that when the process ends, in whatever way.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let opened = File::open(folder)?;
    match opened.try_lock() {
        Ok(()) => Ok(Some(opened)),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another run is writing to it"))
        }
        // Some file systems have no locks.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The versions of a set of files, on a disk.
struct Set<'a> {
    files: &'a FileSet,
    disk: &'a dyn Disk,
}

impl Set<'_> {
    fn versions(&self) -> PathBuf {
        self.files.folder.join(VERSIONS)
    }

    /// The folder of the version that is being written.
    fn new_version(&self) -> PathBuf {
        self.versions().join(NEW)
    }

    /// The name of the current version; `None` if there is none yet. If that cannot be found out, no version may be removed.
    fn current(&self) -> io::Result<Option<String>> {
        match fs::read_link(self.versions().join(CURRENT)) {
            Ok(target) => Ok(target.to_str().map(str::to_owned)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(self.no_link()),
            Err(error) => Err(error),
        }
    }

    /// The error about something else in the place of the link to the current version, with the usual reason and what mends it.
    fn no_link(&self) -> io::Error {
        let (versions, current) = (self.versions(), self.versions().join(CURRENT));
        let mut members = self.files.members.iter().map(|member| self.files.file(member.name));
        let mend = if members.any(|file| file.is_symlink()) {
            "copy the folder again, with its links: `cp -a`".to_owned()
        } else {
            let versions = versions.display();
            format!(
                "copy it again with its links (`cp -a`), or remove `{versions}`: the files beside it are whole without it"
            )
        };
        let current = current.display();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "`{current}` must be a link to the folder of a version, and is none, as in a folder that was copied without its links; {mend}"
            ),
        )
    }

    /// The names of all versions, which are complete.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.versions())? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| number(name) > 0));
        }
        Ok(names)
    }

    fn next_number(&self) -> io::Result<u32> {
        let numbers = self.names()?.into_iter().map(|name| number(&name));
        Ok(numbers.max().unwrap_or_default() + 1)
    }

    /// Removes what killed runs left, and the versions that were replaced.
    fn remove_others(&self) -> io::Result<()> {
        let current = self.current()?;
        let mut others = self.names()?;
        others.retain(|name| Some(name) != current.as_ref());
        others.extend(self.new_version().try_exists()?.then(|| NEW.to_owned()));
        others.iter().try_for_each(|name| self.disk.remove_folder(&self.versions().join(name)))
    }

    fn finish_earlier(&self) -> io::Result<bool> {
        let current = self.current()?.map_or(0, |name| number(&name));
        let is_newer = |name: &String| !name.ends_with(COPIED) && number(name) > current;
        let newest = self.names()?.into_iter().filter(is_newer).max_by_key(|name| number(name));
        let Some(newest) = newest else { return Ok(false) };
        for Member { name, .. } in self.files.members {
            // Files that were put there since, by another program or a user, are not replaced.
            if !self.leads_to_current(name) && self.files.file(name).try_exists()? {
                return Ok(false);
            }
        }
        self.put_in_place(&newest).map(|()| true)
    }

    /// Makes the version in the folder for new ones complete: its folder gets its name.
    fn complete(&self, name: &str) -> io::Result<()> {
        self.disk.sync_folder(&self.new_version())?;
        self.disk.rename(&self.new_version(), &self.versions().join(name))?;
        self.disk.sync_folder(&self.versions())
    }

    /// Makes this version the current one: one link is renamed.
    fn put_in_place(&self, name: &str) -> io::Result<()> {
        self.place_links(self.files.members.iter())?;
        self.point_to(name)
    }

    /// Renames a link to this version over the link to the current one.
    fn point_to(&self, name: &str) -> io::Result<()> {
        let next = self.next()?;
        self.disk.link(Path::new(name), &next)?;
        self.disk.rename(&next, &self.versions().join(CURRENT))?;
        self.disk.sync_folder(&self.versions())
    }

    /// The path for a new link; removes one that a killed run left.
    fn next(&self) -> io::Result<PathBuf> {
        let next = self.versions().join(NEXT);
        if next.is_symlink() {
            self.disk.remove_file(&next)?;
        }
        Ok(next)
    }

    /// Puts the links to the files of the current version in their places.
    fn place_links<'m>(&self, members: impl Iterator<Item = &'m Member>) -> io::Result<()> {
        for member in members.filter(|member| !self.leads_to_current(member.name)) {
            let next = self.next()?;
            self.disk.link(&in_current(member.name), &next)?;
            self.disk.rename(&next, &self.files.file(member.name))?;
        }
        self.disk.sync_folder(&self.files.folder)
    }

    fn leads_to_current(&self, name: &str) -> bool {
        fs::read_link(self.files.file(name)).is_ok_and(|target| target == in_current(name))
    }

    /// Copies files that are no links into a version, and puts links to it in their places: nobody sees other bytes than before.
    fn adopt(&self) -> io::Result<()> {
        let mut present = Vec::new();
        for member in self.files.members {
            if self.files.file(member.name).try_exists()? {
                present.push(member);
            }
        }
        if present.iter().all(|member| self.leads_to_current(member.name)) {
            return Ok(());
        }
        let name = format!("{}{COPIED}", self.next_number()?);
        self.disk.make_folder(&self.new_version())?;
        for member in &present {
            let bytes = regular(&self.files.file(member.name), FILE_LIMIT);
            let bytes = bytes.map_err(io::Error::other)?;
            self.disk.write_new(&self.new_version().join(member.name), &bytes, member.readers)?;
        }
        self.complete(&name)?;
        self.point_to(&name)?;
        self.place_links(present.into_iter())
    }
}

/// The number of a version by its name, such as `2` or `2-copied`; 0 for another name.
fn number(name: &str) -> u32 {
    name.strip_suffix(COPIED).unwrap_or(name).parse().unwrap_or_default()
}

/// The target of the link to a file of the current version.
fn in_current(name: &str) -> PathBuf {
    Path::new(VERSIONS).join(CURRENT).join(name)
}
