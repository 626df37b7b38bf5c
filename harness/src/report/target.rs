//! Files that reports go to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `JUnit` XML.
    Junit,
    /// JSON.
    Json,
}

/// A report that is asked for: `junit=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its format.
    pub kind: Kind,
    /// The file it goes to.
    pub path: PathBuf,
}

/// Why a report cannot be had.
#[derive(Debug, Error)]
pub enum TargetError {
    /// It is not `KIND=FILE`.
    #[error("`{0}` is not of the form `KIND=FILE`, such as `junit=report.xml`")]
    Shape(String),
    /// There is no such format.
    #[error("unknown report `{0}` (known: `junit`, `json`)")]
    Kind(String),
    /// The folder is not there.
    #[error("the folder `{}` of the report is not there", .0.display())]
    NoFolder(PathBuf),
    /// The path is a folder.
    #[error("the report `{}` is a folder", .0.display())]
    IsFolder(PathBuf),
    /// The file cannot be written.
    #[error("the report `{path}` cannot be written: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (kind, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| TargetError::Shape(text.to_owned()))?;
        let kind = match kind {
            "junit" => Kind::Junit,
            "json" => Kind::Json,
            other => return Err(TargetError::Kind(other.to_owned())),
        };
        Ok(Self { kind, path: PathBuf::from(path) })
    }
}

impl Target {
    /// Finds out before the run what would keep the report from being written after it.
    ///
    /// # Errors
    /// Where the folder is not there or not writable, or the path is a folder.
    pub fn check(&self) -> Result<(), TargetError> {
        if self.path.is_dir() {
            return Err(TargetError::IsFolder(self.path.clone()));
        }
        if !self.folder().is_dir() {
            return Err(TargetError::NoFolder(self.folder().to_owned()));
        }
        let probe = self.neighbour();
        fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)).map_err(|e| self.failed(e))
    }

    /// Writes the report; whoever reads the file sees the old one or the whole new one.
    ///
    /// # Errors
    /// Where the file cannot be written; it is then as it was.
    pub fn write(&self, text: &str) -> Result<(), TargetError> {
        let draft = self.neighbour();
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.path)).map_err(|error| {
            let _ = fs::remove_file(&draft);
            self.failed(error)
        })
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    /// A name beside the file's own, for renaming does not cross file systems.
    fn neighbour(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
    }

    fn failed(&self, source: io::Error) -> TargetError {
        TargetError::Write { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_its_kind_and_its_file() {
        let target: Target = "junit=out/a=b.xml".parse().unwrap();
        assert_eq!((target.kind, target.path), (Kind::Junit, PathBuf::from("out/a=b.xml")));
        for wrong in ["junit", "junit=", "=x", "tap=x"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_missing_folder_is_found_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let target = |path: &str| Target { kind: Kind::Json, path: folder.path().join(path) };
        assert!(matches!(target("none/a.json").check(), Err(TargetError::NoFolder(_))));
        assert!(matches!(target("").check(), Err(TargetError::IsFolder(_))));
        let target = target("a.json");
        target.check().unwrap();
        target.write("{}").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&target.path).unwrap(), "{}");
    }
}
