//! A server program as a PKI. The lab process prepares, starts and watches it in its host's namespace; the runner asks for its
//! output.

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
use thiserror::Error;
use tokio::net::unix::pipe::Receiver;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use model::lab::{Lab, Program};
use simulated::channel::Channel;
use simulated::control::{Operation, Reply};
use simulated::kernel::namespace::Namespace;
use simulated::server::{Server, is_answered};
use testbed::TestbedError;
use testbed::pki::Pki;

/// The timeout of a command that prepares a program.
const PREPARE_LIMIT: Duration = Duration::from_secs(60);

/// Folders of servers that are not in an ordinary user's `PATH`.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The maximum length of a command in messages, in characters.
const SHOWN: usize = 300;

/// The timeout for an answer of the lab process.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Prepares and starts the program that `host` of `lab` runs, in `folder`, which it creates; returns when the program is ready.
///
/// # Errors
/// If a program is missing or cannot be started, a command before it fails, or it ends or is not ready in time.
pub(crate) async fn start(
    lab: &Lab,
    (host, program): (&str, &Program),
    namespace: &Namespace,
    folder: PathBuf,
) -> Result<Server, TestbedError> {
    let broken = |reason| TestbedError::Pki { name: host.to_owned(), reason };
    DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
        broken(format!("its folder `{}` cannot be created: {error}", folder.display()))
    })?;
    let masker = Arc::new(Masker::new(lab.secrets()));
    let launcher = Launcher { lab, host, masker, program, namespace, folder };
    let path = launcher.find(&program.command).ok_or_else(|| missing(host, program))?;
    prepare(&launcher).await.map_err(|error| broken(error.to_string()))?;
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

/// Runs the commands before the program in turn, until one fails.
///
/// # Errors
/// The command that failed, how, and the end of its output.
async fn prepare(launcher: &Launcher<'_>) -> Result<(), PrepareError> {
    let commands = &launcher.program.prepare;
    for (index, words) in commands.iter().enumerate() {
        run(launcher, words).await.map_err(|error| PrepareError {
            number: index + 1,
            count: commands.len(),
            command: launcher.shown(words),
            error,
        })?;
    }
    Ok(())
}

/// A command before the program that failed.
#[derive(Debug, Error)]
#[error("prepare command {number} of {count}, `{command}`, {error}")]
struct PrepareError {
    number: usize,
    count: usize,
    command: String,
    error: CommandError,
}

/// How a command before the program failed, to be written after its name.
#[derive(Debug, Error)]
enum CommandError {
    #[error("is not installed, or has no such path")]
    NotInstalled,
    #[error("could not be started: {0}")]
    NotStarted(#[from] SpawnError),
    /// It ended with an error or not in time; with the end of its output.
    #[error("{0}")]
    Failed(String),
    #[error("cannot be waited for: {0}")]
    Lost(io::Error),
}

/// Why a program does not start.
#[derive(Debug, Error)]
enum SpawnError {
    #[error("the interpreter that it names is missing")]
    NoInterpreter,
    #[error("it is not executable ({0})")]
    NotExecutable(io::Error),
    #[error(transparent)]
    Other(io::Error),
}

impl From<io::Error> for SpawnError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoInterpreter,
            io::ErrorKind::PermissionDenied => Self::NotExecutable(error),
            _ => Self::Other(error),
        }
    }
}

async fn run(launcher: &Launcher<'_>, words: &[String]) -> Result<(), CommandError> {
    let path = launcher.find(words).ok_or(CommandError::NotInstalled)?;
    let (mut process, reader) = launcher.spawn(&path, words)?;
    let output = Output::read(reader, &launcher.masker, None);
    let Ok(status) = timeout(PREPARE_LIMIT, process.wait()).await else {
        process.end().await;
        let late = format!("did not end within {} s", PREPARE_LIMIT.as_secs());
        return Err(CommandError::Failed(output.under(&late)));
    };
    output.finish().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CommandError::Failed(output.under(&format!("failed ({status})")))),
        Err(error) => Err(CommandError::Lost(error)),
    }
}

async fn launch(launcher: &Launcher<'_>, path: &Path) -> Result<Server, String> {
    let name = launcher.shown(&launcher.program.command[..1]);
    let started = launcher.spawn(path, &launcher.program.command);
    let (process, reader) =
        started.map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    let ready = &launcher.program.ready;
    let output = Output::read(reader, &launcher.masker, ready.output.as_deref());
    let (end, ended) = watch::channel(None);
    tokio::spawn(watch(process, name.clone(), output.clone(), end));
    let connect = |address| is_answered(connect(launcher.namespace, address));
    let of = (launcher.lab, launcher.host, name.as_str());
    Server { output, ended }.when_ready(of, ready, connect).await
}

/// Connects from the host itself: a socket belongs to the namespace in which it was opened.
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
    /// The path of the program of a command; a relative path counts from the program's folder.
    fn find(&self, command: &[String]) -> Option<PathBuf> {
        let name = self.filled(command.first()?);
        if name.contains('/') {
            return Some(self.folder.join(name)).filter(|path| path.is_file());
        }
        find(&name, &search_path()).filter(|path| is_executable(path))
    }

    /// Starts a command in the namespace; the pipe receives its output.
    fn spawn(&self, path: &Path, command: &[String]) -> Result<(Process, Receiver), SpawnError> {
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

    /// A command for messages, with secrets masked.
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
    let folders =
        env::split_paths(&given).chain(SYSTEM_FOLDERS.map(PathBuf::from)).collect::<Vec<_>>();
    env::join_paths(folders).unwrap_or(given)
}

/// Waits for the end of a program and reports it. Ends the program if the receiver is dropped.
async fn watch(
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

/// How a process ended, as the end of a sentence.
fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) if status.success() => {
            " (exit status: 0); start the program in the foreground if it puts itself into the \
             background"
                .to_owned()
        }
        Some(status) => format!(" ({status})"),
        None => String::new(),
    }
}

/// The server program that a host runs, as a PKI. It has no control API, so that only its output and its end are available.
pub(super) struct ProgramPki {
    pub(super) host: String,
    pub(super) channel: Arc<Channel>,
}

#[async_trait]
impl Pki for ProgramPki {
    async fn log(&self) -> Vec<String> {
        match self.channel.request(Operation::ReadOutput(self.host.clone()), ANSWER_LIMIT).await {
            Ok(Reply::Output(lines)) => lines,
            Ok(_) => vec!["the lab process sent a reply that does not fit the request".to_owned()],
            Err(error) => vec![error.to_string()],
        }
    }

    async fn broken(&self) -> String {
        self.channel.exits().broken(&self.host).await
    }
}
