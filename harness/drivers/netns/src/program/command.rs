//! Commands of a server program: found, given an environment of their own, and started in a namespace.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use model::lab::Program;
use model::mask::Masker;
use simulated::kernel::namespace::Namespace;

/// Where servers are that an ordinary user's `PATH` does not name.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The longest command that is shown, in characters.
const SHOWN: usize = 300;

/// How long the end of a killed process is waited for.
const FAREWELL: Duration = Duration::from_secs(2);

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
        let folders = env::split_paths(&search_path()).collect::<Vec<_>>();
        let candidates = folders.into_iter().map(|folder| folder.join(&name));
        candidates.into_iter().find(|path| is_executable(path))
    }

    /// Starts a command in the namespace; what it writes is read from the pipe.
    pub(super) fn spawn(
        &self,
        path: &Path,
        command: &[String],
    ) -> Result<(Child, Receiver), String> {
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

    fn try_spawn(&self, path: &Path, command: &[String]) -> io::Result<(Child, Receiver)> {
        let (reader, writer) = io::pipe()?;
        let mut process = Command::new(path);
        process
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
            .stderr(writer)
            // What it starts is ended with it.
            .process_group(0)
            .kill_on_drop(true);
        let reader = Receiver::from_owned_fd(reader.into())?;
        Ok((self.namespace.spawn(&mut process)?, reader))
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

/// Kills a process with all that it started and did not send away, and waits until it is gone.
pub(super) async fn end(group: Option<u32>, child: &mut Child) {
    let group = group.and_then(|id| i32::try_from(id).ok());
    // Nobody else's: the process is not waited for yet, so that its number is still its own.
    if let (Some(group), None) = (group, child.try_wait().ok().flatten()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.start_kill();
    let _ = tokio::time::timeout(FAREWELL, child.wait()).await;
}

fn search_path() -> OsString {
    let given = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let folders = env::split_paths(&given).chain(SYSTEM.map(PathBuf::from)).collect::<Vec<_>>();
    env::join_paths(folders).unwrap_or(given)
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}
