//! A time for programs that is not that of the system: libfaketime, which the dynamic linker loads into them, reads it from a file.

mod elf;
mod shared_memory;

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, read_dir};
use std::io;
use std::path::{Path, PathBuf};

use self::elf::Linking;
pub use self::shared_memory::SharedMemory;

/// File name of the library.
const LIBRARY: &str = "libfaketime.so.1";

/// Folders of the library. Debian has one for each architecture, which `*` stands for.
const FOLDERS: [&str; 5] = [
    "/usr/lib/*/faketime",
    "/usr/lib/faketime",
    "/usr/lib64/faketime",
    "/usr/local/lib/*/faketime",
    "/usr/local/lib/faketime",
];

/// Why libfaketime gives a program no other time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// The library is not installed.
    NotInstalled,
    /// The program, by its name, is linked statically; true if it is a Go program.
    Static(String, bool),
    /// The program, by its name, is a Go program.
    Go(String),
    /// The program, by its name, cannot be read, for this reason.
    Unreadable(String, String),
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => write!(f, "libfaketime is not installed (package `faketime`)"),
            Self::Static(program, is_go) => {
                let what = if *is_go { "a Go program and linked" } else { "linked" };
                write!(
                    f,
                    "`{program}` is {what} statically, so that no dynamic linker loads libfaketime into it"
                )
            }
            Self::Go(program) => write!(
                f,
                "`{program}` is a Go program, which asks the kernel for the time and not the C library, whose place libfaketime takes"
            ),
            Self::Unreadable(program, reason) => {
                write!(
                    f,
                    "`{program}` cannot be read to find out if libfaketime works for it: {reason}"
                )
            }
        }
    }
}

/// The installed library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faketime {
    library: PathBuf,
}

impl Faketime {
    /// Finds the library.
    ///
    /// # Errors
    /// [`Hindrance::NotInstalled`].
    pub fn find() -> Result<Self, Hindrance> {
        Self::find_in(&FOLDERS.map(PathBuf::from))
    }

    fn find_in(folders: &[PathBuf]) -> Result<Self, Hindrance> {
        let expanded = folders.iter().flat_map(|folder| expanded(folder));
        let mut libraries = expanded.map(|folder| folder.join(LIBRARY));
        let library = libraries.find(|library| library.is_file()).ok_or(Hindrance::NotInstalled)?;
        Ok(Self { library })
    }

    /// The installed library, if it gives `program` another time, as far as the program's file tells it. A script is as its
    /// interpreter.
    ///
    /// # Errors
    /// Why it does not.
    pub fn for_program(program: &Path) -> Result<Self, Hindrance> {
        expect_linked(program)?;
        Self::find()
    }

    /// The command that starts a program with the time in a file, without the program and its arguments.
    ///
    /// Time-outs and pauses of the program do not follow, because the time in the file jumps. `env` sets the variables, so that
    /// whatever is started between does not get them.
    pub fn command(&self, time: &TimeFile) -> [OsString; 5] {
        let variable = |name: &str, value: &Path| {
            let mut text = OsString::from(name);
            text.push("=");
            text.push(value);
            text
        };
        [
            "/usr/bin/env".into(),
            variable("LD_PRELOAD", &self.library),
            variable("FAKETIME_TIMESTAMP_FILE", &time.path),
            "FAKETIME_NO_CACHE=1".into(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
        ]
    }
}

/// The file with the time of programs that have been started with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFile {
    path: PathBuf,
}

impl TimeFile {
    /// The file at this path, which need not exist before the first time is written.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// From now on the time is so many milliseconds ahead of that of the system; behind if the number is negative.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, ahead_ms: i64) -> io::Result<()> {
        let (sign, ahead) = (if ahead_ms < 0 { '-' } else { '+' }, ahead_ms.unsigned_abs());
        let text = format!("{sign}{}.{:03}\n", ahead / 1000, ahead % 1000);
        // A program may read it at any moment.
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(new, &self.path)
    }
}

/// The folders that a path with `*` as one of its components stands for, in order.
fn expanded(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in path.components() {
        if component.as_os_str() == "*" {
            let entries = found.iter().filter_map(|folder| read_dir(folder).ok()).flatten();
            found = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            found.sort();
        } else {
            for folder in &mut found {
                folder.push(component);
            }
        }
    }
    found
}

fn expect_linked(program: &Path) -> Result<(), Hindrance> {
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    match Linking::of(program) {
        Ok(Linking { is_dynamic: true, is_go: false }) => Ok(()),
        Ok(Linking { is_dynamic: true, is_go: true }) => Err(Hindrance::Go(name)),
        Ok(Linking { is_dynamic: false, is_go }) => Err(Hindrance::Static(name, is_go)),
        Err(error) => Err(Hindrance::Unreadable(name, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_is_found_in_the_folder_of_an_architecture() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("*/faketime"), root.path().join("faketime")];
        assert_eq!(Faketime::find_in(&folders), Err(Hindrance::NotInstalled));
        let folder = root.path().join("x86_64-linux-gnu/faketime");
        fs::create_dir_all(&folder).unwrap();
        let library = folder.join(LIBRARY);
        fs::write(&library, "").unwrap();
        assert_eq!(Faketime::find_in(&folders), Ok(Faketime { library }));
    }

    #[test]
    fn distance_from_the_system_is_written_in_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("time");
        let time = TimeFile::at(path.clone());
        for (ahead_ms, text) in
            [(0, "+0.000\n"), (-1, "-0.001\n"), (86_400_250, "+86400.250\n"), (-2_000, "-2.000\n")]
        {
            time.write(ahead_ms).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn hindrance_names_the_program_and_the_reason() {
        let go = Hindrance::Static("scepclient".to_owned(), true);
        assert_eq!(
            go.to_string(),
            "`scepclient` is a Go program and linked statically, so that no dynamic linker loads libfaketime into it"
        );
        let missing = expect_linked(Path::new("/nowhere/client")).unwrap_err().to_string();
        assert!(missing.starts_with("`client` cannot be read"), "{missing}");
    }
}
