//! Commands of a server program: found, given an environment of their own, and started in a namespace.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use process::{Process, find, is_executable};
use redact::Masker;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;

use model::lab::Program;
use simulated::kernel::namespace::Namespace;

/// Where servers are that an ordinary user's `PATH` does not name.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The longest command that is shown, in characters.
const SHOWN: usize = 300;

/// Starts the commands of one server program.
pub(super) struct Launcher<'a> {
    pub(super) masker: Arc<Masker>,
    pub(super) program: &'a Program,
    pub(super) namespace: &'a Namespace,
    pub(super) folder: PathBuf,
}

impl Launcher<'_> {
    /// Where the program of a command is; a relative path counts from the program's folder.
    pub(super) fn find(&self, command: &[String]) -> Option<PathBuf> {
        let name = self.filled(command.first()?);
        if name.contains('/') {
            return Some(self.folder.join(name)).filter(|path| path.is_file());
        }
        find(&name, &search_path()).filter(|path| is_executable(path))
    }

    /// Starts a command in the namespace; what it writes is read from the pipe.
    pub(super) fn spawn(
        &self,
        path: &Path,
        command: &[String],
    ) -> Result<(Process, Receiver), String> {
        self.try_spawn(path, command).map_err(|error| {
            let shown = self.shown(&command[..1]);
            match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("`{shown}` cannot be started: the interpreter that it names is missing")
                }
                io::ErrorKind::PermissionDenied => {
                    format!("`{shown}` cannot be started: it is not executable ({error})")
                }
                _ => format!("`{shown}` cannot be started: {error}"),
            }
        })
    }

    fn try_spawn(&self, path: &Path, command: &[String]) -> io::Result<(Process, Receiver)> {
        let (reader, writer) = io::pipe()?;
        let mut started = Command::new(path);
        started
            .args(command.iter().skip(1).map(|word| self.filled(word)))
            .current_dir(&self.folder)
            .env_clear()
            .envs([("HOME", &self.folder), ("TMPDIR", &self.folder)])
            .env("PATH", search_path())
            .env("LC_ALL", "C.UTF-8")
            .envs(self.program.environment.iter().map(|(name, text)| (name, self.filled(text))))
            .envs(self.program.secrets.iter().map(|(name, secret)| (name, secret.expose())))
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let reader = Receiver::from_owned_fd(reader.into())?;
        Ok((Process::start_by(&mut started, |command| self.namespace.spawn(command))?, reader))
    }

    /// A command as messages show it.
    pub(super) fn shown(&self, command: &[String]) -> String {
        let words: Vec<String> = command.iter().map(|word| self.filled(word)).collect();
        let shown = self.masker.text(&words.join(" ")).escape_debug().to_string();
        match shown.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        }
    }

    fn filled(&self, text: &str) -> String {
        Program::in_folder(text, &self.folder)
    }
}

fn search_path() -> OsString {
    let given = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let folders = env::split_paths(&given).chain(SYSTEM.map(PathBuf::from)).collect::<Vec<_>>();
    env::join_paths(folders).unwrap_or(given)
}
