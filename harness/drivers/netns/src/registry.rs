//! The labs of this machine. Each has a folder, which its runner locks until it ends. A file in the folder describes the lab for
//! other terminals.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use files::{PrivateFolder, Readers, Stale};
use serde::{Deserialize, Serialize};

use testbed::leftovers::Leftover;

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
        files::replace(&folder.join(ENTRY), &serde_json::to_vec(self)?, Readers::Owner)
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
    let read = |folder: PathBuf| serde_json::from_slice(&fs::read(folder.join(ENTRY)).ok()?).ok();
    let mut entries: Vec<Entry> =
        files::living(parent, PREFIX)?.into_iter().filter_map(read).collect();
    entries.sort_by(|a, b| (&a.id, a.process).cmp(&(&b.id, b.process)));
    Ok(entries)
}

/// The parent of the labs' folders: the user's runtime folder, which all terminals share, or the folder for temporary files if
/// there is none.
fn parent() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|folder| files::is_private(folder));
    runtime.unwrap_or_else(std::env::temp_dir)
}

/// Makes a folder for a lab.
///
/// # Errors
/// If it cannot be made.
pub(super) fn new_folder() -> io::Result<PrivateFolder> {
    PrivateFolder::new_in(&parent(), PREFIX)
}

/// Removes the folders of this user's killed runners.
pub(super) fn remove_dead_folders() {
    files::remove_stale(&parent(), PREFIX);
}

/// The folders of this user's labs whose runners are dead.
pub fn leftovers() -> Vec<Leftover> {
    Stale::all(&parent(), PREFIX).into_iter().map(Leftover::folder).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn make(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn lab_is_listed_while_its_runner_lives() {
        let parent = tempfile::tempdir().unwrap();
        let living = PrivateFolder::new_in(parent.path(), PREFIX).unwrap();
        let id = "scep/x".to_owned();
        let namespaces = BTreeMap::from([("gateway".to_owned(), 9)]);
        let entry = Entry { id, process: 4711, namespaces };
        entry.register(living.path()).unwrap();
        entry.register(&make(parent.path(), "sceplab-lab-4711-Xa0b1c")).unwrap();
        assert_eq!(entries_in(parent.path()).unwrap(), [entry]);
        fs::write(living.path().join(ENTRY), "garbage").unwrap();
        assert_eq!(entries_in(parent.path()).unwrap(), []);
    }
}
