//! Any program as the client under test: what it does is what its exit status says.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::time::sleep_until;

use super::output::Tail;
use model::lab::Secret;
use testbed::client::{Client, ClientEnd, ClientOrder, ClientRun};

/// For the rest of the output once the program has ended: what it left behind may hold it open.
const AFTERMATH: Duration = Duration::from_millis(500);

/// What begins the names of variables that are this program's own, and no client's concern.
const OWN_VARIABLES: &str = "SCEPLAB_";

/// A program that enrols once when it is run.
#[derive(Debug, Clone)]
pub struct Command {
    program: PathBuf,
    words: Vec<String>,
    limit: Option<Duration>,
}

/// Why a command cannot be the client under test.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// It has no words.
    #[error("no command is given; it follows `--`")]
    Empty,
    /// There is no such program.
    #[error("there is no program `{0}`")]
    Missing(String),
    /// It is there, and cannot be run.
    #[error("`{0}` is not executable")]
    NotExecutable(String),
}

impl Command {
    /// A program and its arguments, in which `{url}`, `{challenge}`, `{dir}` and `{ca}` are filled in for each run; no shell
    /// reads them. `limit` is how long each run may take, whatever the order says.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn new(words: Vec<String>, limit: Option<Duration>) -> Result<Self, CommandError> {
        let name = words.first().ok_or(CommandError::Empty)?;
        let program = find(name).ok_or_else(|| CommandError::Missing(name.clone()))?;
        if !is_executable(&program) {
            return Err(CommandError::NotExecutable(name.clone()));
        }
        Ok(Self { program, words, limit })
    }

    fn spawn(&self, order: &ClientOrder) -> io::Result<Child> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(self.words.iter().skip(1).map(|word| filled(word, order)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let is_own = |name: &OsString| name.to_string_lossy().starts_with(OWN_VARIABLES);
        for (name, _) in env::vars_os().filter(|(name, _)| is_own(name)) {
            command.env_remove(name);
        }
        #[cfg(unix)]
        command.process_group(0);
        command.spawn()
    }
}

#[async_trait]
impl Client for Command {
    fn name(&self) -> String {
        format!("`{}`", self.words.join(" ").escape_debug())
    }

    async fn enrol(&self, order: &ClientOrder) -> ClientRun {
        let start = Instant::now();
        let limit = self.limit.unwrap_or(order.limit);
        let (end, output) = match self.spawn(order) {
            Ok(child) => watch(child, limit, order.challenge.as_ref()).await,
            Err(error) => (ClientEnd::NotRun { reason: error.to_string() }, Vec::new()),
        };
        ClientRun { end, output, elapsed: start.elapsed() }
    }
}

/// Reads what a program says until it ends, or its time does.
async fn watch(
    mut child: Child,
    limit: Duration,
    secret: Option<&Secret>,
) -> (ClientEnd, Vec<String>) {
    let group = Group(child.id());
    let mut deadline = tokio::time::Instant::now() + limit;
    let mut tail = Tail::default();
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut out_buffer, mut err_buffer) = (vec![0; 8192], vec![0; 8192]);
    let mut end = None;
    while out.is_some() || err.is_some() || end.is_none() {
        tokio::select! {
            read = read(&mut out, &mut out_buffer) => tail.push(&out_buffer[..read]),
            read = read(&mut err, &mut err_buffer) => tail.push(&err_buffer[..read]),
            ended = child.wait(), if end.is_none() => {
                end = Some(ended.map_or_else(|error| ClientEnd::NotRun { reason: error.to_string() }, verdict));
                // Children that it left may keep its outputs open.
                group.end();
                deadline = tokio::time::Instant::now() + AFTERMATH;
            }
            () = sleep_until(deadline) => break,
        }
    }
    group.end();
    if end.is_none() {
        let _ = child.start_kill();
        let _ = tokio::time::timeout(AFTERMATH, child.wait()).await;
    }
    (end.unwrap_or(ClientEnd::Overdue { limit }), tail.lines(secret))
}

fn verdict(status: ExitStatus) -> ClientEnd {
    if status.success() {
        return ClientEnd::Succeeded;
    }
    ClientEnd::Failed { how: format!("it ended with {status}") }
}

/// Reads from an output that is still open, and forgets it at its end.
async fn read(source: &mut Option<impl AsyncReadExt + Unpin>, buffer: &mut [u8]) -> usize {
    let Some(open) = source else { return std::future::pending().await };
    match open.read(buffer).await {
        Ok(read) if read > 0 => read,
        _ => {
            *source = None;
            0
        }
    }
}

fn filled(word: &str, order: &ClientOrder) -> String {
    // Each place is filled once: a password that looks like another place stays as it is.
    let places = [
        ("{url}", order.url.clone()),
        (
            "{challenge}",
            order.challenge.as_ref().map_or_else(String::new, |it| it.expose().to_owned()),
        ),
        ("{dir}", order.folder.display().to_string()),
        ("{ca}", order.ca.display().to_string()),
    ];
    let mut text = String::new();
    let mut rest = word;
    'next: while let Some(character) = rest.chars().next() {
        for (place, value) in &places {
            if let Some(after) = rest.strip_prefix(place) {
                text.push_str(value);
                rest = after;
                continue 'next;
            }
        }
        text.push(character);
        rest = &rest[character.len_utf8()..];
    }
    text
}

/// The program of that name in `PATH`, or at that path.
fn find(name: &str) -> Option<PathBuf> {
    if name.contains(std::path::MAIN_SEPARATOR) {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    let candidates: Vec<PathBuf> =
        env::split_paths(&path).map(|folder| folder.join(name)).collect();
    let runnable = candidates.iter().find(|path| is_executable(path));
    runnable.or_else(|| candidates.iter().find(|path| path.is_file())).cloned()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// The process group of a program; nothing of it outlives this.
struct Group(
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no groups there"))]
    Option<u32>,
);

impl Group {
    #[cfg(target_os = "linux")]
    fn end(&self) {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // Nobody of the group may be left, which is as well.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn end(&self) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn order(folder: &Path, limit: Duration) -> ClientOrder {
        ClientOrder {
            url: "http://127.0.0.1:1/scep".to_owned(),
            challenge: Some(Secret::new("{dir} secret")),
            ca: folder.join("ca"),
            folder: folder.to_owned(),
            limit,
        }
    }

    async fn run(script: &str, limit: Duration) -> ClientRun {
        let words = ["sh", "-c", script, "sh", "{url}", "{challenge}", "{dir}"].map(str::to_owned);
        let command = Command::new(words.to_vec(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        command.enrol(&order(folder.path(), limit)).await
    }

    #[tokio::test]
    async fn what_a_program_was_given_and_said_is_told_without_the_secret() {
        let run = run("echo $1; echo $2 >&2; test -d $3", Duration::from_secs(60)).await;
        assert_eq!(run.end, ClientEnd::Succeeded);
        let mut output = run.output;
        output.sort();
        assert_eq!(output, ["****", "http://127.0.0.1:1/scep"]);
    }

    #[tokio::test]
    async fn a_program_that_fails_or_hangs_is_told_apart_and_ended() {
        let failed = run("exit 3", Duration::from_secs(60)).await;
        assert!(failed.end.to_string().contains("exit status: 3"), "{}", failed.end);
        let limit = Duration::from_millis(200);
        let hung = run("echo here; sleep 600 & sleep 600", limit).await;
        assert_eq!(
            (hung.end, hung.output),
            (ClientEnd::Overdue { limit }, vec!["here".to_owned()])
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_told_beforehand() {
        let missing = Command::new(vec!["no-such-client".to_owned()], None).unwrap_err();
        assert_eq!(missing.to_string(), "there is no program `no-such-client`");
        let folder = Command::new(vec!["/etc/passwd".to_owned()], None).unwrap_err();
        assert_eq!(folder.to_string(), "`/etc/passwd` is not executable");
        assert_eq!(Command::new(Vec::new(), None).unwrap_err(), CommandError::Empty);
    }
}
