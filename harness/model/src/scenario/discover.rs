//! Finds scenario files and gives them their ids.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::LoadErrors;
use crate::near_files::near_files;
use diagnostics::{Diagnostic, did_you_mean};

/// Folder of lab files, which are never scenarios.
pub const LABS: &str = "labs";

/// Folder of target files, which are never scenarios.
pub const TARGETS: &str = "targets";

/// File of the matrix's known failures, which is never a scenario.
pub const LEDGER: &str = "matrix-ledger.yaml";

/// Folder that ids are relative to.
const SCENARIOS: &str = "scenarios";

/// Limit of nested folders, which protects the stack.
const DEPTH_LIMIT: usize = 32;

/// A scenario file that has not been read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Path without the extension, relative to the nearest folder above it that is named `scenarios`, or else to the
    /// searched folder.
    pub id: String,
    /// The file.
    pub path: PathBuf,
}

/// Finds the scenarios at some paths, files or folders, sorted by id.
///
/// An empty result is no error.
///
/// # Errors
/// Paths that do not exist, folders that cannot be read, and duplicate ids.
pub fn discover(paths: &[PathBuf]) -> Result<Vec<Found>, LoadErrors> {
    let mut search = Search::default();
    for path in paths {
        search.path(path);
    }
    search.finish()
}

/// Finds target files: those named, and those in folders named `targets` below the folders named, sorted.
///
/// Wrong paths are left to [`discover`], which reports them.
pub fn target_files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut search = Search::default();
    for path in paths {
        if path.is_dir() && path.ends_with(TARGETS) {
            search.targets(path);
        } else if path.is_dir() {
            search.path(path);
        } else if path.is_file() && is_in_targets(path) && is_yaml(path) {
            search.targets.insert(path.clone());
        }
    }
    search.targets.into_iter().collect()
}

#[derive(Default)]
struct Search {
    seen: HashSet<PathBuf>,
    /// Folders searched so far below the current path; several links may lead to the same folder.
    searched: HashSet<PathBuf>,
    found: BTreeMap<String, PathBuf>,
    targets: BTreeSet<PathBuf>,
    errors: Vec<Diagnostic>,
}

impl Search {
    fn path(&mut self, path: &Path) {
        if path.is_dir() {
            self.searched.clear();
            self.folder(path, path, 0);
        } else if !path.exists() {
            let near = near_files(Path::new(""), &path.display().to_string(), &[SCENARIOS]);
            let near: Vec<&str> = near.iter().map(String::as_str).collect();
            let missing =
                Diagnostic::of_file(path.display().to_string(), "there is no such file or folder");
            self.errors.push(did_you_mean(&near).into_iter().fold(missing, Diagnostic::note));
        } else if is_in_labs(path) {
            self.error(path, "this is a lab file: folders named `labs` hold no scenarios");
        } else if is_in_targets(path) {
            self.error(path, "this is a target file: folders named `targets` hold no scenarios");
        } else if is_ledger(path) {
            self.error(path, "this is the ledger of the matrix, which holds no scenario");
        } else if is_yaml(path) {
            // A file named without a folder is in the current one.
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            self.file(path, folder.unwrap_or(Path::new(".")));
        } else {
            self.error(path, "a scenario's file name ends in `.yaml` or `.yml`");
        }
    }

    fn folder(&mut self, folder: &Path, root: &Path, depth: usize) {
        if !self.searched.insert(whole(folder)) {
            return;
        }
        let entries = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
        let mut paths: Vec<PathBuf> = match entries {
            Ok(paths) => paths,
            Err(error) => return self.error(folder, &format!("cannot be searched: {error}")),
        };
        // Links come last, so that a folder is searched under its own name.
        paths.sort_by_cached_key(|path| (path.is_symlink(), path.clone()));
        for path in paths.iter().filter(|path| !is_hidden(path)) {
            if path.is_dir() {
                if path.ends_with(TARGETS) {
                    self.targets(path);
                } else if !path.ends_with(LABS) && depth < DEPTH_LIMIT {
                    self.folder(path, root, depth + 1);
                }
            } else if is_yaml(path) && is_scenario(path) {
                self.file(path, root);
            }
        }
    }

    fn targets(&mut self, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        self.targets.extend(files.filter(|path| is_yaml(path) && path.is_file()));
    }

    fn file(&mut self, path: &Path, root: &Path) {
        let searched = whole(root);
        let absolute =
            path.strip_prefix(root).map_or_else(|_| whole(path), |below| searched.join(below));
        let id = id(&absolute, &searched);
        if !self.seen.insert(absolute) {
            return;
        }
        if let Some(first) = self.found.get(&id) {
            let message = format!("`{}` has the id `{id}` already", first.display());
            return self.error(path, &message);
        }
        self.found.insert(id, path.to_owned());
    }

    fn error(&mut self, path: &Path, message: &str) {
        self.errors.push(Diagnostic::of_file(path.display().to_string(), message));
    }

    fn finish(self) -> Result<Vec<Found>, LoadErrors> {
        if !self.errors.is_empty() {
            return Err(LoadErrors::new(self.errors));
        }
        Ok(self.found.into_iter().map(|(id, path)| Found { id, path }).collect())
    }
}

/// The absolute path, without `..`.
fn whole(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn id(path: &Path, searched: &Path) -> String {
    let named = path.ancestors().skip(1).find(|folder| folder.ends_with(SCENARIOS));
    let relative = path.strip_prefix(named.unwrap_or(searched)).unwrap_or(path).with_extension("");
    let parts: Vec<_> =
        relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_ledger(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == LEDGER)
}

fn is_scenario(path: &Path) -> bool {
    !is_in_labs(path) && !is_in_targets(path) && !is_ledger(path)
}

fn is_in_targets(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(TARGETS))
}

fn is_in_labs(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(LABS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    fn ids(paths: &[PathBuf]) -> Vec<String> {
        discover(paths).unwrap().into_iter().map(|found| found.id).collect()
    }

    #[test]
    fn labs_targets_and_the_ledger_are_not_scenarios() {
        let scenarios = ["s/b.yml", "s/scep/a.yaml"];
        let others = ["s/labs/l.yaml", "s/x/labs/l.yaml", "s/targets/t.yaml", "s/n.txt"];
        let tree = tree(&[&scenarios[..], &others].concat());
        std::fs::write(tree.path().join("s").join(LEDGER), "").unwrap();
        assert_eq!(ids(&[tree.path().join("s")]), ["b", "scep/a"]);
        let shown = discover(&[tree.path().join("s").join(LEDGER)]).unwrap_err().to_string();
        assert!(shown.contains("this is the ledger of the matrix"), "{shown}");
        let shown = discover(&[tree.path().join("s/targets/t.yaml")]).unwrap_err().to_string();
        assert!(shown.contains("this is a target file"), "{shown}");
    }

    #[test]
    fn target_files_are_found_by_folder_and_by_name() {
        let tree = tree(&["s/a.yaml", "s/targets/t.yaml", "s/targets/n.txt", "s/x/targets/u.yml"]);
        let folder = tree.path().join("s");
        let all = ["targets/t.yaml", "x/targets/u.yml"].map(|path| folder.join(path));
        assert_eq!(target_files(std::slice::from_ref(&folder)), all);
        assert_eq!(target_files(&[folder.join("targets"), folder.join("a.yaml")]), all[..1]);
        assert_eq!(target_files(&[all[1].clone()]), all[1..]);
    }

    #[test]
    fn a_scenario_has_the_same_id_from_every_path() {
        let tree = tree(&["scenarios/scep/a.yaml"]);
        let folder = tree.path().join("scenarios");
        for path in ["", "scep", "scep/a.yaml", "scep/..", "scep/../scep"].map(|it| folder.join(it))
        {
            assert_eq!(ids(&[path]), ["scep/a"]);
        }
        assert_eq!(ids(&[folder.clone(), folder.join("scep/a.yaml")]), ["scep/a"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_with_several_links_is_searched_once() {
        let tree = tree(&["s/a.yaml", "s/b/c.yaml"]);
        let folder = tree.path().join("s");
        // Each level doubles the number of paths.
        for link in ["x", "y", "b/x", "b/y"] {
            std::os::unix::fs::symlink(&folder, folder.join(link)).unwrap();
        }
        std::os::unix::fs::symlink(folder.join("b"), folder.join("a-link")).unwrap();
        assert_eq!(ids(&[folder]), ["a", "b/c"]);
    }

    #[test]
    fn id_of_a_file_in_the_current_folder_is_its_name() {
        let folder = std::env::current_dir().unwrap();
        assert_eq!(id(&folder.join("Cargo.yaml"), &folder.join(".")), "Cargo");
    }

    #[test]
    fn duplicate_ids_and_missing_paths_are_rejected() {
        let tree = tree(&["s/a.yaml", "s/a.yml"]);
        let shown =
            discover(&[tree.path().join("s"), tree.path().join("t")]).unwrap_err().to_string();
        assert!(shown.contains("has the id `a` already"), "{shown}");
        assert!(shown.contains("there is no such file or folder"), "{shown}");
    }
}
