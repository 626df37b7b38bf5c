//! The labs that stand, for other terminals to find: a file for each in a folder of the user's own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::getuid;
use serde::{Deserialize, Serialize};
use simulated::kernel::start_of;

/// The ending of a file that is not complete yet.
const UNFINISHED: &str = "new";

/// A lab that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The id of the scenario that runs, or ran, in it.
    pub id: String,
    /// The lab process.
    pub process: u32,
    /// When that was started, in the kernel's own count: process ids are used again.
    started: String,
    /// The descriptors of the hosts' and devices' network namespaces in the lab process.
    pub namespaces: BTreeMap<String, i32>,
}

/// A lab's file, which is removed when this is dropped.
#[derive(Debug)]
pub struct Registered(PathBuf);

impl Drop for Registered {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Lets a lab be found.
///
/// # Errors
/// When the lab process is gone, or the folder is not the user's own.
pub fn register(
    id: &str,
    process: u32,
    namespaces: BTreeMap<String, i32>,
) -> io::Result<Registered> {
    register_in(&folder()?, id, process, namespaces)
}

/// The labs that stand; files of those that do not are removed.
///
/// # Errors
/// When the folder is not the user's own.
pub fn entries() -> io::Result<Vec<Entry>> {
    entries_in(&folder()?)
}

fn register_in(
    folder: &Path,
    id: &str,
    process: u32,
    namespaces: BTreeMap<String, i32>,
) -> io::Result<Registered> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "the lab process is gone");
    let started = start_of(process).ok_or_else(gone)?;
    let entry = Entry { id: id.to_owned(), process, started, namespaces };
    let path = folder.join(format!("{process}.json"));
    // Whoever reads it meanwhile is to find all of it or nothing.
    let unfinished = folder.join(format!("{process}.{UNFINISHED}"));
    fs::write(&unfinished, serde_json::to_vec(&entry)?)?;
    fs::rename(&unfinished, &path)?;
    Ok(Registered(path))
}

fn entries_in(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        match path.extension().and_then(OsStr::to_str) {
            Some("json") => {}
            Some(UNFINISHED) if !is_being_written(&path) => {
                drop(Registered(path));
                continue;
            }
            _ => continue,
        }
        let entry = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        match entry.filter(Entry::stands) {
            Some(entry) => entries.push(entry),
            None => drop(Registered(path)),
        }
    }
    entries.sort_by(|a: &Entry, b| (&a.id, a.process).cmp(&(&b.id, b.process)));
    Ok(entries)
}

/// Whether the lab that an unfinished file is named after is still there.
fn is_being_written(path: &Path) -> bool {
    let process = path.file_stem().and_then(OsStr::to_str).and_then(|name| name.parse().ok());
    process.is_some_and(|process| start_of(process).is_some())
}

impl Entry {
    fn stands(&self) -> bool {
        start_of(self.process).is_some_and(|started| started == self.started)
    }
}

/// The user's folder for what runs, or else one of the user's own among the temporary ones.
fn folder() -> io::Result<PathBuf> {
    let user = getuid();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(runtime) if is_own(&runtime, user.as_raw()) => runtime.join("sceplab"),
        _ => std::env::temp_dir().join(format!("sceplab-labs-{user}")),
    };
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !is_own(&folder, user.as_raw()) {
        let reason = format!("`{}` is not a folder of the user's own alone", folder.display());
        return Err(io::Error::other(reason));
    }
    Ok(folder)
}

/// A folder that others can write to could name them processes of their choice.
fn is_own(folder: &Path, user: u32) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|folder| {
        folder.is_dir() && folder.uid() == user && folder.mode().trailing_zeros() >= 6
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> BTreeMap<String, i32> {
        BTreeMap::from([("gateway".to_owned(), 9)])
    }

    #[test]
    fn a_lab_is_found_as_long_as_it_is_registered() {
        let folder = tempfile::tempdir().unwrap();
        let registered =
            register_in(folder.path(), "scep/x", std::process::id(), namespaces()).unwrap();
        let entries = entries_in(folder.path()).unwrap();
        assert_eq!(entries[0].id, "scep/x");
        assert_eq!(entries[0].namespaces, namespaces());
        drop(registered);
        assert_eq!(entries_in(folder.path()).unwrap(), []);
    }

    #[test]
    fn what_does_not_stand_any_more_is_not_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Entry {
            id: "gone".to_owned(),
            process: std::process::id(),
            started: "0".to_owned(),
            namespaces: namespaces(),
        };
        fs::write(folder.path().join("1.json"), serde_json::to_vec(&gone).unwrap()).unwrap();
        fs::write(folder.path().join("2.json"), "garbage").unwrap();
        // No process has this id (PID_MAX_LIMIT of proc(5) is 2^22).
        fs::write(folder.path().join("99999999.new"), "").unwrap();
        let being_written = format!("{}.new", std::process::id());
        fs::write(folder.path().join(&being_written), "").unwrap();
        assert_eq!(entries_in(folder.path()).unwrap(), []);
        let left = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), [being_written.as_str()]);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_not_the_users_own() {
        let folder = tempfile::tempdir().unwrap();
        let user = getuid().as_raw();
        let allow = |mode| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(folder.path(), mode).unwrap();
        };
        allow(0o700);
        assert!(is_own(folder.path(), user));
        allow(0o770);
        assert!(!is_own(folder.path(), user));
    }
}
