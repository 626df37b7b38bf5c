//! The labs of this machine: each has a folder of its own, on which its runner holds a lock for as long as it lives. A file in it
//! tells other terminals of the lab.

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

/// What the names of the folders begin with; the runner's process follows, for people.
const PREFIX: &str = "sceplab-lab-";

/// The file that tells of a lab that stands.
const ENTRY: &str = "lab.json";

/// A lab that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The id of the scenario that runs, or ran, in it.
    pub id: String,
    /// The lab process.
    pub process: u32,
    /// The descriptors of the hosts' and devices' network namespaces in the lab process.
    pub namespaces: BTreeMap<String, i32>,
}

impl Entry {
    /// Lets the lab with this folder be found.
    ///
    /// # Errors
    /// When the folder is gone, and the lab with it.
    pub(super) fn register(&self, folder: &Path) -> io::Result<()> {
        // Whoever reads it meanwhile finds all of it or nothing.
        let unfinished = folder.join("lab.new");
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        fs::rename(unfinished, folder.join(ENTRY))
    }
}

/// The labs of this user that stand.
///
/// # Errors
/// When the folder for temporary files cannot be read.
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

/// Where the folders of labs are: in the user's own folder for what runs, which all terminals have in common, or with the temporary
/// files if there is none.
fn parent() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(is_own);
    runtime.unwrap_or_else(std::env::temp_dir)
}

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
        Self::new_in(&parent())
    }

    fn new_in(parent: &Path) -> io::Result<Self> {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        loop {
            let mut folder = tempfile::Builder::new();
            let private = Permissions::from_mode(0o700);
            let folder = folder.prefix(&prefix).permissions(private).tempdir_in(parent)?;
            // Until it is locked, another runner may take it for a dead runner's folder and remove it: then a new one is made.
            let opened = match File::open(folder.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // If the file system has no locks, no other runner can have one either, and nobody removes the folder.
            let lock = opened.lock().is_ok().then_some(opened);
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
    remove_those_of_the_dead_in(&parent());
}

fn remove_those_of_the_dead_in(parent: &Path) {
    for folder in folders_in(parent).unwrap_or_default() {
        // What cannot be removed is in nobody's way.
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

/// A folder that a runner left which was killed.
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

/// `sceplab-lab-4711-Xa0b1c`: the name alone is no proof, and others do not chance on it.
fn is_name(name: &str) -> bool {
    let parts = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(process, random)| {
        let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
        is_number && random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// A folder that others can write to could name them processes of their choice.
fn is_own(folder: &PathBuf) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|folder| {
        folder.is_dir() && folder.uid() == getuid().as_raw() && folder.mode() & 0o777 == 0o700
    })
}

/// Removes a folder whose runner is dead, and leaves any other alone.
///
/// # Errors
/// When it is there afterwards all the same.
fn remove_if_dead(folder: &Path) -> io::Result<()> {
    // The lock is kept until the folder is gone, so that nobody who has just made it takes it for theirs.
    let Some(_lock) = lock_if_dead(folder) else { return Ok(()) };
    match fs::remove_dir_all(folder) {
        // What the dead left may be removed by their lab process at the same time.
        Err(error) if folder.exists() => Err(error),
        _ => Ok(()),
    }
}

/// The lock on a folder whose runner is dead; nothing if it lives, or the file system has no locks.
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
    fn a_folder_that_another_runner_removes_before_it_is_locked_is_made_again() {
        let parent = tempfile::tempdir().unwrap();
        let finished = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let remover = || {
                while !finished.load(std::sync::atomic::Ordering::Relaxed) {
                    remove_those_of_the_dead_in(parent.path());
                }
            };
            scope.spawn(remover);
            let made: Vec<_> = (0..500).map(|_| LabFolder::new_in(parent.path())).collect();
            finished.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(made.iter().all(|made| made.as_ref().is_ok_and(|it| it.path().exists())));
        });
    }

    #[test]
    fn a_lab_is_found_as_long_as_its_runner_lives() {
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
    fn a_folder_that_others_may_enter_is_not_the_users_own() {
        let parent = tempfile::tempdir().unwrap();
        let folder = make(parent.path(), "sceplab-lab-4711-Xa0b1c");
        assert!(is_own(&folder));
        fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
        assert!(!is_own(&folder));
    }

    #[test]
    fn a_folder_is_known_for_one_of_a_lab() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LabFolder::new_in(parent.path()).unwrap();
        assert!(is_name(folder.path().file_name().unwrap().to_str().unwrap()));
        assert!(is_own(&folder.path().to_owned()));
    }
}
