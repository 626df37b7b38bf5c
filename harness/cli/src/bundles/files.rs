//! The files of a bundle: those of the scenario, at paths that say nothing of this machine.

use std::env;
use std::path::{Component, Path};

use ::bundle::{FileEntry, FileKind};

/// The longest file that is put into a bundle, in bytes.
const LONGEST: u64 = 4 << 20;

/// A file as it is, or why it is not there.
pub(super) fn read(path: &Path, kind: FileKind) -> Result<(FileEntry, String), String> {
    let entry = FileEntry::new(&place(path), kind);
    match files::regular(path, LONGEST) {
        Ok(bytes) => Ok((entry, String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(format!("the file `{}` is not there: {error}", entry.path)),
    }
}

/// The path of a file in a bundle: its path from the folder in which the command ran, or else its name alone.
fn place(path: &Path) -> String {
    let from_here = env::current_dir().ok();
    let path = from_here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let mut parts: Vec<String> = Vec::new();
    let mut leaves = path.is_absolute();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => leaves |= parts.pop().is_none(),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    if leaves {
        parts.drain(..parts.len().saturating_sub(1));
    }
    format!("files/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_in_a_bundle_says_nothing_of_this_machine() {
        let place = |path: &str| place(Path::new(path));
        assert_eq!(place("scenarios/scep/a.yaml"), "files/scenarios/scep/a.yaml");
        assert_eq!(place("scenarios/scep/../labs/a.yaml"), "files/scenarios/labs/a.yaml");
        assert_eq!(place("/home/somebody/scenarios/a.yaml"), "files/a.yaml");
        assert_eq!(place("../somebody/a.yaml"), "files/a.yaml");
        let here = env::current_dir().unwrap().join("labs/a.yaml");
        assert_eq!(place(here.to_str().unwrap()), "files/labs/a.yaml");
    }
}
