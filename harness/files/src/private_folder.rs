//! Folders for temporary files that no other user may enter, each locked by its run. Those of killed runs are removed by the next.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::getuid;
use tempfile::TempDir;

/// A folder of mode 0700, which is removed on drop. Its name has the process ID for human readers.
#[derive(Debug)]
pub struct PrivateFolder {
    folder: TempDir,
    /// The kernel releases the lock when the process ends, in whatever way.
    _lock: Option<File>,
}

impl PrivateFolder {
    /// Makes a folder for this purpose, such as `sceplab-client-`, in the folder for temporary files; first removes those of killed runs.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        remove_stale(&parent, prefix);
        Self::new_in(&parent, prefix)
    }

    /// Makes a folder for this purpose.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        let prefix = format!("{prefix}{}-", std::process::id());
        loop {
            let mut folder = tempfile::Builder::new();
            let private = Permissions::from_mode(0o700);
            let folder = folder.prefix(&prefix).permissions(private).tempdir_in(parent)?;
            // Until it is locked, another run may mistake it for a killed run's folder and remove it; then a new one is made.
            let opened = match File::open(folder.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // If the file system has no locks, no other run can lock it either, and none removes the folder.
            let lock = opened.lock().is_ok().then_some(opened);
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The folder of a killed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale(PathBuf);

impl Stale {
    /// The folders of this user's killed runs for this purpose.
    pub fn all(parent: &Path, prefix: &str) -> Vec<Self> {
        let folders = folders_in(parent, prefix).unwrap_or_default().into_iter();
        folders.filter(|folder| lock_if_dead(folder).is_some()).map(Self).collect()
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Removes the folder, unless a run has taken it in the meantime.
    ///
    /// # Errors
    /// If the folder still exists afterwards.
    pub fn remove(&self) -> io::Result<()> {
        // The lock is held until the folder is removed, so that a run that has just made it notices.
        let Some(_lock) = lock_if_dead(&self.0) else { return Ok(()) };
        match fs::remove_dir_all(&self.0) {
            // Another run may be removing it at the same time.
            Err(error) if self.0.exists() => Err(error),
            _ => Ok(()),
        }
    }
}

/// The folders for this purpose of this user's runs that live.
///
/// # Errors
/// If the parent cannot be read.
pub fn living(parent: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let folders = folders_in(parent, prefix)?.into_iter();
    Ok(folders.filter(|folder| lock_if_dead(folder).is_none()).collect())
}

/// Removes the folders of this user's killed runs.
pub fn remove_stale(parent: &Path, prefix: &str) {
    for folder in Stale::all(parent, prefix) {
        // A folder that cannot be removed does no harm.
        let _ = folder.remove();
    }
}

fn folders_in(parent: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let names = fs::read_dir(parent)?.flatten().map(|entry| entry.file_name());
    let ours = names.filter(|name| name.to_str().is_some_and(|name| is_name(name, prefix)));
    Ok(ours.map(|name| parent.join(name)).filter(|folder| is_private(folder)).collect())
}

/// True for names such as `sceplab-lab-4711-Xa0b1c`, which other programs are unlikely to use.
fn is_name(name: &str, prefix: &str) -> bool {
    let parts = name.strip_prefix(prefix).and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(process, random)| {
        let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
        is_number && random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// True for a folder of this user that no other user may enter. In another folder, another user's entry could name anything.
pub fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|folder| {
        folder.is_dir() && folder.uid() == getuid().as_raw() && folder.mode() & 0o777 == 0o700
    })
}

/// The lock on a folder if its run is dead; `None` if the run lives, or the file system has no locks.
fn lock_if_dead(folder: &Path) -> Option<File> {
    File::open(folder).ok().filter(|folder| folder.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "sceplab-lab-";

    fn make(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn only_folders_of_killed_runs_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let living = PrivateFolder::new_in(parent.path(), PREFIX).unwrap();
        let dead = make(parent.path(), "sceplab-lab-4711-Xa0b1c");
        fs::write(dead.join("hosts"), "").unwrap();
        let others = ["sceplab-lab-notes", "sceplab-lab-x-Xa0b1c", "sceplab-labs-0", "sceplab"];
        let others = others.map(|name| make(parent.path(), name));
        let link = parent.path().join("sceplab-lab-1-aaaaaa");
        std::os::unix::fs::symlink(&others[0], &link).unwrap();
        assert_eq!(Stale::all(parent.path(), PREFIX), [Stale(dead.clone())]);
        remove_stale(parent.path(), PREFIX);
        assert!(!dead.exists());
        assert!(living.path().exists() && link.exists() && others.iter().all(|it| it.exists()));
        let path = living.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }

    #[test]
    fn folder_removed_before_it_is_locked_is_made_again() {
        let parent = tempfile::tempdir().unwrap();
        let finished = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let remover = || {
                while !finished.load(std::sync::atomic::Ordering::Relaxed) {
                    remove_stale(parent.path(), PREFIX);
                }
            };
            scope.spawn(remover);
            let new = |_| PrivateFolder::new_in(parent.path(), PREFIX);
            let made: Vec<_> = (0..500).map(new).collect();
            finished.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(made.iter().all(|made| made.as_ref().is_ok_and(|it| it.path().exists())));
        });
    }

    #[test]
    fn folder_that_other_users_may_enter_is_ignored() {
        let parent = tempfile::tempdir().unwrap();
        let folder = make(parent.path(), "sceplab-lab-4711-Xa0b1c");
        assert!(is_private(&folder));
        fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
        assert!(!is_private(&folder));
    }

    #[test]
    fn new_folder_is_recognised() {
        let parent = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::new_in(parent.path(), PREFIX).unwrap();
        assert!(is_name(folder.path().file_name().unwrap().to_str().unwrap(), PREFIX));
        assert_eq!(living(parent.path(), PREFIX).unwrap(), [folder.path()]);
    }
}
