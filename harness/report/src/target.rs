//! Files for reports.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use files::{Readers, check_replace, end_of_links, read_as, replace};
use thiserror::Error;

use super::Format;

/// A requested report: `junit=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Format.
    pub format: Format,
    /// Path of the file.
    pub path: PathBuf,
}

/// The reason why a report cannot be written.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The text is not `KIND=FILE`.
    #[error("`{0}` is not of the form `KIND=FILE`, such as `junit=report.xml`")]
    Shape(String),
    /// Unknown format.
    #[error("unknown report `{0}` (known: {known})", known = Format::names(|name| format!("`{name}`"), ", "))]
    Format(String),
    /// The folder does not exist.
    #[error("the folder `{}` of the report does not exist", .0.display())]
    NoFolder(PathBuf),
    /// The path is a folder.
    #[error("the report `{}` is a folder", .0.display())]
    IsFolder(PathBuf),
    /// The file is one that this process has read.
    #[error(
        "the report `{path}` would replace `{input}`, which this command reads: name another file for the report",
        path = .path.display(), input = .input.display()
    )]
    IsInput {
        /// Path of the report.
        path: PathBuf,
        /// The path under which it was read.
        input: PathBuf,
    },
    /// The file cannot be written.
    #[error("the report `{path}` cannot be written: {error}", path = .path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        error: io::Error,
    },
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| TargetError::Shape(text.to_owned()))?;
        let known = Format::of_name(format);
        let format = known.ok_or_else(|| TargetError::Format(format.to_owned()))?;
        Ok(Self { format, path: PathBuf::from(path) })
    }
}

impl Target {
    /// Checks before the run that the report can be written after it.
    ///
    /// # Errors
    /// If the folder does not exist or is not writable, or the path is a folder.
    pub fn check(&self) -> Result<(), TargetError> {
        if self.path.is_dir() {
            return Err(TargetError::IsFolder(self.path.clone()));
        }
        if self.is_special() {
            return Ok(());
        }
        let file = end_of_links(&self.path);
        if !folder(&file).is_dir() {
            return Err(TargetError::NoFolder(folder(&file).to_owned()));
        }
        check_replace(&file).map_err(|error| self.failed(error))
    }

    /// Checks that the report replaces no file that this process has read, such as a scenario.
    ///
    /// # Errors
    /// If it would.
    pub fn spare_inputs(&self) -> Result<(), TargetError> {
        let input = read_as(&self.path);
        input.map_or(Ok(()), |input| Err(TargetError::IsInput { path: self.path.clone(), input }))
    }

    /// Writes the report. A reader sees either the old file or the complete new one.
    ///
    /// A device or a pipe is written to directly, and not replaced.
    ///
    /// # Errors
    /// If the file cannot be written, or this process has read it; then it is unchanged.
    pub fn write(&self, text: &str) -> Result<(), TargetError> {
        // Some files are read late in a run, such as the key for a login.
        self.spare_inputs()?;
        let written = if self.is_special() {
            let device = OpenOptions::new().write(true).open(&self.path);
            device.and_then(|mut device| device.write_all(text.as_bytes()))
        } else {
            replace(&self.path, text.as_bytes(), Readers::Everyone)
        };
        written.map_err(|error| self.failed(error))
    }

    /// True if the path exists and is not a regular file, so that it must not be replaced.
    fn is_special(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| !metadata.is_file())
    }

    fn failed(&self, error: io::Error) -> TargetError {
        TargetError::Write { path: self.path.clone(), error }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_option_has_a_format_and_a_path() {
        let target: Target = "junit=out/a=b.xml".parse().unwrap();
        assert_eq!((target.format, target.path), (Format::Junit, PathBuf::from("out/a=b.xml")));
        for wrong in ["junit", "junit=", "=x", "tap=x"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_missing_folder_is_reported_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let target = |path: &str| Target { format: Format::Json, path: folder.path().join(path) };
        assert!(matches!(target("none/a.json").check(), Err(TargetError::NoFolder(_))));
        assert!(matches!(target("").check(), Err(TargetError::IsFolder(_))));
        let target = target("a.json");
        target.check().unwrap();
        target.write("{}").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&target.path).unwrap(), "{}");
    }

    #[cfg(unix)]
    #[test]
    fn a_report_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("out/report", &link).unwrap();
        let target = Target { format: Format::Json, path: link.clone() };
        for text in ["the file is not there yet", "and now it is"] {
            target.check().unwrap();
            target.write(text).unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read_to_string(folder.path().join("out/report")).unwrap(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_report_is_written_into_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let target = Target { format: Format::Json, path: path.clone() };
        target.check().unwrap();
        // Opened for both, because opening a pipe for writing waits for a reader.
        let mut pipe = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        target.write("{}").unwrap();
        assert!(!path.is_file());
        let mut text = [0; 2];
        io::Read::read_exact(&mut pipe, &mut text).unwrap();
        assert_eq!(&text, b"{}");
    }
}
