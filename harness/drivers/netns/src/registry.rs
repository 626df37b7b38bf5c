//! The labs of this machine. Each has a folder, which its runner locks until it ends. A file in the folder describes the lab for
//! other terminals.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use nix::unistd::getuid;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use testbed::leftovers::{Leftover, Removable, Removal, State};

/// The prefix of the folders' names; the process ID of the runner follows, for human readers.
const PREFIX: &str = "sceplab-lab-";

/// The name of the file that describes a built lab.
const ENTRY: &str = "lab.json";

/// The description of a built lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The id of the scenario that the lab was built for.
    pub id: String,
    /// The process ID of the lab process.
    pub process: u32,
    /// The descriptors of the hosts' and devices' network namespaces in the lab process.
    pub namespaces: BTreeMap<String, i32>,
}

impl Entry {
    /// Makes the lab with this folder available to other terminals.
    ///
    /// # Errors
    /// If the folder is gone, and the lab with it.
    pub(super) fn register(&self, folder: &Path) -> io::Result<()> {
        // A reader finds the whole file or none.
        let unfinished = folder.join("lab.new");
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        fs::rename(unfinished, folder.join(ENTRY))
    }
}

/// The built labs of this user.
///
/// # Errors
/// If the folder for temporary files cannot be read.
pub fn entries() -> io::Result<Vec<Entry>> {
    entries_in(&parent())
}

fn entries_in(parent: &Path) -> io::Result<Vec<Entry>> {
    let living = folders_in(parent)?.into_iter().filter(|folder| lock_if_dead(folder).is_none());
    let read = |folder: PathBuf| serde_json::from_slice(&fs::read(folder.join(ENTRY)).ok()?).ok();
    let mut entries: Vec<Entry> = living.filter_map(read).collect();
    entries.sort_by(|a, b| (&a.id, a.process).cmp(&(&b.id, b.process)));
    Ok(entries)
}

/// The parent of the labs' folders: the user's runtime folder, which all terminals share, or the folder for temporary files if
/// there is none.
fn parent() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(is_own);
    runtime.unwrap_or_else(std::env::temp_dir)
}

/// A lab's folder, which is removed on drop.
#[derive(Debug)]
pub(super) struct LabFolder {
    folder: TempDir,
    /// The kernel releases the lock when the process ends, in whatever way.
    _lock: Option<File>,
}

impl LabFolder {
    /// Creates a folder that no other user may enter.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub(super) fn new() -> io::Result<Self> {
        Self::new_in(&parent())
    }

    fn new_in(parent: &Path) -> io::Result<Self> {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        loop {
            let mut folder = tempfile::Builder::new();
            let private = Permissions::from_mode(0o700);
            let folder = folder.prefix(&prefix).permissions(private).tempdir_in(parent)?;
            // Until it is locked, another runner may mistake it for a dead runner's folder and remove it; then a new one is made.
            let opened = match File::open(folder.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // If the file system has no locks, no other runner can lock it either, and none removes the folder.
            let lock = opened.lock().is_ok().then_some(opened);
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// The path of the folder.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders of this user's killed runners.
pub(super) fn remove_dead_folders() {
    remove_dead_folders_in(&parent());
}

fn remove_dead_folders_in(parent: &Path) {
    for folder in folders_in(parent).unwrap_or_default() {
        // A folder that cannot be removed does no harm.
        let _ = remove_if_dead(&folder);
    }
}

/// The folders of this user's labs whose runners are dead.
pub fn leftovers() -> Vec<Leftover> {
    let folders = folders_in(&parent()).unwrap_or_default();
    let dead = folders.into_iter().filter(|folder| lock_if_dead(folder).is_some());
    let leftover = |folder: PathBuf| Leftover {
        what: format!("folder `{}`", folder.display()),
        state: State::Dead,
        thing: Box::new(DeadFolder(folder)),
    };
    dead.map(leftover).collect()
}

/// The folder of a killed runner.
struct DeadFolder(PathBuf);

#[async_trait]
impl Removable for DeadFolder {
    async fn remove(&self) -> Result<Removal, String> {
        let removed = remove_if_dead(&self.0);
        removed.map(|()| Removal::Removed).map_err(|error| error.to_string())
    }
}

fn folders_in(parent: &Path) -> io::Result<Vec<PathBuf>> {
    let names = fs::read_dir(parent)?.flatten().map(|entry| entry.file_name());
    let ours = names.filter(|name| name.to_str().is_some_and(is_name));
    Ok(ours.map(|name| parent.join(name)).filter(is_own).collect())
}

/// True for names such as `sceplab-lab-4711-Xa0b1c`, which other programs are unlikely to use.
fn is_name(name: &str) -> bool {
    let parts = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(process, random)| {
        let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
        is_number && random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// True if no other user can write to the folder, because another user's entry could name any process.
fn is_own(folder: &PathBuf) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|folder| {
        folder.is_dir() && folder.uid() == getuid().as_raw() && folder.mode() & 0o777 == 0o700
    })
}

/// Removes a folder if its runner is dead.
///
/// # Errors
/// If the folder still exists afterwards.
fn remove_if_dead(folder: &Path) -> io::Result<()> {
    // The lock is held until the folder is removed, so that a runner that has just made it notices.
    let Some(_lock) = lock_if_dead(folder) else { return Ok(()) };
    match fs::remove_dir_all(folder) {
        // The dead runner's lab process may be removing it at the same time.
        Err(error) if folder.exists() => Err(error),
        _ => Ok(()),
    }
}

/// The lock on a folder if its runner is dead; `None` if the runner lives, or the file system has no locks.
fn lock_if_dead(folder: &Path) -> Option<File> {
    File::open(folder).ok().filter(|folder| folder.try_lock().is_ok())
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
    fn only_folders_of_dead_runners_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let living = LabFolder::new_in(parent.path()).unwrap();
        let dead = make(parent.path(), "sceplab-lab-4711-Xa0b1c");
        fs::write(dead.join("hosts"), "").unwrap();
        let others = ["sceplab-lab-notes", "sceplab-lab-x-Xa0b1c", "sceplab-labs-0", "sceplab"];
        let others = others.map(|name| make(parent.path(), name));
        let link = parent.path().join("sceplab-lab-1-aaaaaa");
        std::os::unix::fs::symlink(&others[0], &link).unwrap();
        remove_dead_folders_in(parent.path());
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
                    remove_dead_folders_in(parent.path());
                }
            };
            scope.spawn(remover);
            let made: Vec<_> = (0..500).map(|_| LabFolder::new_in(parent.path())).collect();
            finished.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(made.iter().all(|made| made.as_ref().is_ok_and(|it| it.path().exists())));
        });
    }

    #[test]
    fn lab_is_listed_while_its_runner_lives() {
        let parent = tempfile::tempdir().unwrap();
        let living = LabFolder::new_in(parent.path()).unwrap();
        let id = "scep/x".to_owned();
        let namespaces = BTreeMap::from([("gateway".to_owned(), 9)]);
        let entry = Entry { id, process: 4711, namespaces };
        entry.register(living.path()).unwrap();
        entry.register(&make(parent.path(), "sceplab-lab-4711-Xa0b1c")).unwrap();
        assert_eq!(entries_in(parent.path()).unwrap(), [entry]);
        fs::write(living.path().join(ENTRY), "garbage").unwrap();
        assert_eq!(entries_in(parent.path()).unwrap(), []);
    }

    #[test]
    fn folder_that_other_users_may_enter_is_ignored() {
        let parent = tempfile::tempdir().unwrap();
        let folder = make(parent.path(), "sceplab-lab-4711-Xa0b1c");
        assert!(is_own(&folder));
        fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
        assert!(!is_own(&folder));
    }

    #[test]
    fn new_folder_is_recognised_as_one_of_a_lab() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LabFolder::new_in(parent.path()).unwrap();
        assert!(is_name(folder.path().file_name().unwrap().to_str().unwrap()));
        assert!(is_own(&folder.path().to_owned()));
    }
}
