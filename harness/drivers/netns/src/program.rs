//! A server program as a PKI: prepared, started and watched in its host's namespace by the lab process, which the runner asks.

use std::env;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use process::{Output, Process, find, is_executable};
use redact::Masker;
use tokio::net::unix::pipe::Receiver;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use model::lab::{Lab, Program};
use simulated::channel::Channel;
use simulated::control::{Ask, Reply};
use simulated::kernel::namespace::Namespace;
use simulated::server::{Server, is_answered};
use testbed::TestbedError;
use testbed::pki::Pki;

/// How long one command that prepares a program may take.
const PREPARE_LIMIT: Duration = Duration::from_secs(60);

/// Where servers are that an ordinary user's `PATH` does not name.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The longest command that is shown, in characters.
const SHOWN: usize = 300;

/// How long the lab process may take for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Prepares and starts what `host` of `lab` runs, in `folder`, which it makes; returns when it serves.
///
/// # Errors
/// When a program is missing or cannot be started, a command before it fails, or it ends or is not ready in time.
pub(crate) async fn start(
    lab: &Lab,
    (host, program): (&str, &Program),
    namespace: &Namespace,
    folder: PathBuf,
) -> Result<Server, TestbedError> {
    let broken = |reason| TestbedError::Pki { name: host.to_owned(), reason };
    DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
        broken(format!("its folder `{}` cannot be made: {error}", folder.display()))
    })?;
    let masker = Arc::new(Masker::new(lab.secrets()));
    let launcher = Launcher { lab, host, masker, program, namespace, folder };
    let path = launcher.find(&program.command).ok_or_else(|| missing(host, program))?;
    prepare(&launcher).await.map_err(broken)?;
    launch(&launcher, &path).await.map_err(broken)
}

fn missing(host: &str, program: &Program) -> TestbedError {
    let command = program.command.first().cloned().unwrap_or_default();
    match &program.package {
        Some(package) => {
            TestbedError::NotInstalled { program: command, origin: format!("package `{package}`") }
        }
        None => TestbedError::Pki {
            name: host.to_owned(),
            reason: format!("there is no program `{command}` in `PATH`"),
        },
    }
}

/// Runs the commands that come before the program in turn; the first that fails is the last.
///
/// # Errors
/// Which one failed, how, and the end of its output.
async fn prepare(launcher: &Launcher<'_>) -> Result<(), String> {
    let commands = &launcher.program.prepare;
    for (index, words) in commands.iter().enumerate() {
        let which = format!("{} of {}, `{}`,", index + 1, commands.len(), launcher.shown(words));
        run(launcher, words).await.map_err(|reason| format!("prepare command {which} {reason}"))?;
    }
    Ok(())
}

async fn run(launcher: &Launcher<'_>, words: &[String]) -> Result<(), String> {
    let Some(path) = launcher.find(words) else {
        return Err("is not installed, or has no such path".to_owned());
    };
    let (mut process, reader) =
        launcher.spawn(&path, words).map_err(|reason| format!("was not carried out: {reason}"))?;
    let output = Output::read(reader, &launcher.masker, None);
    let Ok(status) = timeout(PREPARE_LIMIT, process.wait()).await else {
        process.end().await;
        return Err(output.under(&format!("did not end within {} s", PREPARE_LIMIT.as_secs())));
    };
    output.finish().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(output.under(&format!("failed ({status})"))),
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}

async fn launch(launcher: &Launcher<'_>, path: &Path) -> Result<Server, String> {
    let name = launcher.shown(&launcher.program.command[..1]);
    let (process, reader) = launcher.spawn(path, &launcher.program.command)?;
    let ready = &launcher.program.ready;
    let output = Output::read(reader, &launcher.masker, ready.output.as_deref());
    let (end, ended) = watch::channel(None);
    tokio::spawn(attend(process, name.clone(), output.clone(), end));
    let connect = |address| is_answered(connect(launcher.namespace, address));
    let of = (launcher.lab, launcher.host, name.as_str());
    Server { output, ended }.when_ready(of, ready, connect).await
}

/// Connects from the host itself: a socket is of the namespace that it was opened in, wherever it is used.
async fn connect(namespace: &Namespace, address: SocketAddr) -> io::Result<TcpStream> {
    namespace.run(TcpSocket::new_v4)?.connect(address).await
}

/// Starts the commands of one server program.
struct Launcher<'a> {
    lab: &'a Lab,
    host: &'a str,
    masker: Arc<Masker>,
    program: &'a Program,
    namespace: &'a Namespace,
    folder: PathBuf,
}

impl Launcher<'_> {
    /// Where the program of a command is; a relative path counts from the program's folder.
    fn find(&self, command: &[String]) -> Option<PathBuf> {
        let name = self.filled(command.first()?);
        if name.contains('/') {
            return Some(self.folder.join(name)).filter(|path| path.is_file());
        }
        find(&name, &search_path()).filter(|path| is_executable(path))
    }

    /// Starts a command in the namespace; what it writes is read from the pipe.
    fn spawn(&self, path: &Path, command: &[String]) -> Result<(Process, Receiver), String> {
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
    fn shown(&self, command: &[String]) -> String {
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

/// Waits for the end of a program, and tells of it; if nobody listens any more, ends it.
async fn attend(
    mut process: Process,
    name: String,
    output: Output,
    end: watch::Sender<Option<String>>,
) {
    let status = tokio::select! {
        status = process.wait() => status.ok(),
        () = end.closed() => return process.end().await,
    };
    output.finish().await;
    let reason = output.under(&format!("`{name}` ended by itself{}", how(status)));
    end.send_replace(Some(reason));
}

/// How a process ended, as a continuation of a sentence.
fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) if status.success() => {
            " (exit status: 0); a program that puts itself into the background is to be \
             started so that it does not"
                .to_owned()
        }
        Some(status) => format!(" ({status})"),
        None => String::new(),
    }
}

/// The server program that a host runs, as a PKI: it has no control API, so all there is of it is its output and its end.
pub(super) struct ProgramPki {
    pub(super) host: String,
    pub(super) channel: Arc<Channel>,
}

#[async_trait]
impl Pki for ProgramPki {
    async fn log(&self) -> Vec<String> {
        match self.channel.ask(Ask::ReadOutput(self.host.clone()), ANSWER_LIMIT).await {
            Ok(Reply::Output(lines)) => lines,
            Ok(_) => vec!["the lab process gave an answer that fits no question".to_owned()],
            Err(lost) => vec![lost.to_string()],
        }
    }

    async fn broken(&self) -> String {
        self.channel.exits().broken(&self.host).await
    }
}
