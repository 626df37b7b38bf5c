//! Finds the program of a command, and says why there is none that can run.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use diagnostics::Diagnostic;
use process::is_executable;

/// The number of octets at the beginning of a script that Linux reads for its `#!` line.
const SCRIPT_HEAD: u64 = 256;

/// What separates the words of a `#!` line.
const BLANKS: [char; 2] = [' ', '\t'];

/// Why a command cannot be the client under test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command is empty.
    #[error("no command is given; it follows `--`")]
    Empty,
    /// There is no such program.
    #[error("there is no program `{0}`")]
    Missing(String),
    /// The file exists, but is not executable.
    #[error("`{0}` is not executable")]
    NotExecutable(String),
    /// The name is that of a folder.
    #[error("`{0}` is a folder, not a program")]
    Folder(String),
    /// The first line of the script names a program that is not there.
    #[error("`{0}` cannot be run: its first line `#!{1}` names a program that is not there")]
    NoInterpreter(String, String),
    /// The file is text, and does not say which program runs it.
    #[error("`{0}` cannot be run: it is text, and has no `#!` line")]
    NoInterpreterLine(String),
}

impl CommandError {
    /// The error with advice on what was probably meant.
    pub(super) fn into_diagnostic(self) -> Diagnostic {
        let diagnostic = Diagnostic::general(diagnostics::visible(&self.to_string()));
        match &self {
            Self::Missing(name) if name.trim().contains(char::is_whitespace) => {
                let words = name.trim();
                diagnostic.note(format!("the command is given word by word, without quotes around all of it: `-- {words}`"))
            }
            Self::Missing(name) if !name.contains('/') && Path::new(name).is_file() => {
                diagnostic.note(format!("it is a file in this folder: `./{name}`"))
            }
            Self::NoInterpreter(_, line) if line.ends_with('\r') => diagnostic
                .note("the line ends as on Windows, with a carriage return: remove it, such as with `dos2unix`"),
            Self::NoInterpreterLine(_) => diagnostic
                .note("begin the file with the program that runs it, such as `#!/bin/sh`"),
            _ => diagnostic,
        }
    }
}

/// Finds the program of a command.
pub(super) fn find(words: &[String]) -> Result<PathBuf, CommandError> {
    let name = words.first().ok_or(CommandError::Empty)?;
    let path = env::var_os("PATH").unwrap_or_default();
    let Some(program) = process::find(name, &path) else {
        let is_folder = Path::new(name).is_dir();
        let error = if is_folder { CommandError::Folder } else { CommandError::Missing };
        return Err(error(name.clone()));
    };
    if !is_executable(&program) {
        return Err(CommandError::NotExecutable(name.clone()));
    }
    check_interpreter(name, &program)?;
    Ok(program)
}

/// Fails for a script that no program can run. A file that cannot be read may still be a program.
fn check_interpreter(name: &str, program: &Path) -> Result<(), CommandError> {
    let mut head = Vec::new();
    let read = File::open(program).and_then(|it| it.take(SCRIPT_HEAD).read_to_end(&mut head));
    if read.is_err() {
        return Ok(());
    }
    let Some(line) = head.strip_prefix(b"#!") else {
        let is_text = std::str::from_utf8(&head).is_ok() && !head.contains(&0);
        let error = || CommandError::NoInterpreterLine(name.to_owned());
        return if is_text { Err(error()) } else { Ok(()) };
    };
    let line = line.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).into_owned();
    let interpreter = line.trim_start_matches(BLANKS).split(BLANKS).next().unwrap_or_default();
    if Path::new(interpreter).is_file() {
        return Ok(());
    }
    Err(CommandError::NoInterpreter(name.to_owned(), line))
}
