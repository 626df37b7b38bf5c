//! Folders of labs, of which it is known whether the runner that made them still lives: it holds a lock on each.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::getuid;
use tempfile::TempDir;

/// What the names of the folders begin with; the runner's process follows, for people.
const PREFIX: &str = "sceplab-lab-";

/// A lab's folder, gone with this.
#[derive(Debug)]
pub(super) struct LabFolder {
    folder: TempDir,
    /// The kernel lets go of it with the process, however that ends.
    _lock: Option<File>,
}

impl LabFolder {
    /// Makes one that nobody else may enter.
    ///
    /// # Errors
    /// When there is no place for it.
    pub(super) fn new() -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(parent: &Path) -> io::Result<Self> {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        loop {
            let mut folder = tempfile::Builder::new();
            let private = Permissions::from_mode(0o700);
            let folder = folder.prefix(&prefix).permissions(private).tempdir_in(parent)?;
            // Where there are no locks, nobody else can have one either, and the folder is let alone.
            let lock = File::open(folder.path())?;
            let lock = lock.lock().is_ok().then_some(lock);
            // Somebody may have taken it for a dead runner's before it was locked.
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what runners of this user that were killed left.
pub(super) fn remove_those_of_the_dead() {
    remove_those_of_the_dead_in(&std::env::temp_dir());
}

/// What runners of this user that were killed left.
pub(crate) fn those_of_the_dead() -> Vec<PathBuf> {
    let mut folders = folders_in(&std::env::temp_dir());
    folders.retain(|folder| lock_if_dead(folder).is_some());
    folders
}

fn remove_those_of_the_dead_in(parent: &Path) {
    for folder in folders_in(parent) {
        // What cannot be removed is in nobody's way.
        let _ = remove_if_dead(&folder);
    }
}

fn folders_in(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let ours = names.filter(|name| name.to_str().is_some_and(is_name));
    ours.map(|name| parent.join(name)).filter(is_own).collect()
}

/// `sceplab-lab-4711-Xa0b1c`: the name alone is no proof, and others do not chance on it.
fn is_name(name: &str) -> bool {
    let parts = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(process, random)| {
        let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
        is_number && random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_own(folder: &PathBuf) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|folder| {
        folder.is_dir() && folder.uid() == getuid().as_raw() && folder.mode() & 0o777 == 0o700
    })
}

/// Removes a folder whose runner is dead, and leaves any other alone.
///
/// # Errors
/// When it is there afterwards all the same.
pub(crate) fn remove_if_dead(folder: &Path) -> io::Result<()> {
    // The lock is kept until the folder is gone, so that nobody who has just made it takes it for theirs.
    let Some(_lock) = lock_if_dead(folder) else { return Ok(()) };
    match fs::remove_dir_all(folder) {
        // What the dead left may be removed by their lab process at the same time.
        Err(error) if folder.exists() => Err(error),
        _ => Ok(()),
    }
}

fn lock_if_dead(folder: &Path) -> Option<File> {
    let lock = File::open(folder).ok()?;
    match lock.try_lock() {
        Ok(()) => Some(lock),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn what_the_dead_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let living = LabFolder::new_in(parent.path()).unwrap();
        let dead = make(parent.path(), "sceplab-lab-4711-Xa0b1c");
        fs::write(dead.join("hosts"), "").unwrap();
        let others = ["sceplab-lab-notes", "sceplab-lab-x-Xa0b1c", "sceplab-labs-0", "sceplab"];
        let others = others.map(|name| make(parent.path(), name));
        let link = parent.path().join("sceplab-lab-1-aaaaaa");
        std::os::unix::fs::symlink(&others[0], &link).unwrap();
        remove_those_of_the_dead_in(parent.path());
        assert!(!dead.exists());
        assert!(living.path().exists() && link.exists() && others.iter().all(|it| it.exists()));
        let path = living.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_is_known_for_one_of_a_lab() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LabFolder::new_in(parent.path()).unwrap();
        assert!(is_name(folder.path().file_name().unwrap().to_str().unwrap()));
        assert!(is_own(&folder.path().to_owned()));
    }
}
