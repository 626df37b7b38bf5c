//! What libfaketime leaves in the shared memory of the machine if a program is killed.

use std::collections::BTreeSet;
use std::fs::{read_dir, remove_file};
use std::path::{Path, PathBuf};

/// The folder of POSIX shared memory and semaphores.
const FOLDER: &str = "/dev/shm";

/// Beginnings of the names of libfaketime's files, which end with the number of the program that made them.
const NAMES: [&str; 2] = ["faketime_shm_", "sem.faketime_sem_"];

/// Removes libfaketime's files that appear while this is kept, as far as their programs have ended: another program with the same
/// number could not start.
#[derive(Debug)]
pub struct SharedMemory {
    before: BTreeSet<PathBuf>,
}

impl SharedMemory {
    /// Notes the files that there are.
    pub fn watch() -> Self {
        Self { before: files(Path::new(FOLDER)).map(|(file, _)| file).collect() }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let has_ended = |number: u32| !Path::new("/proc").join(number.to_string()).exists();
        for (file, number) in files(Path::new(FOLDER)) {
            if !self.before.contains(&file) && has_ended(number) {
                // Those of other users stay.
                let _ = remove_file(file);
            }
        }
    }
}

/// The files in a folder that are libfaketime's, with the numbers of their programs.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, u32)> {
    let entries = read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let number = NAMES.iter().find_map(|begin| name.strip_prefix(begin))?;
        Some((entry.path(), number.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_library_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["faketime_shm_12", "sem.faketime_sem_12", "faketime_shm_x", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found: Vec<_> = files(folder.path())
            .map(|(file, number)| (file.file_name().unwrap().to_owned(), number))
            .collect();
        found.sort();
        assert_eq!(found, [("faketime_shm_12".into(), 12), ("sem.faketime_sem_12".into(), 12)]);
    }
}
