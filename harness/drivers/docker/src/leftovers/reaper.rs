//! A process that outlives the runner: when that is gone without a farewell, it removes all of its run.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::{INTERVAL, remove_all};
use crate::engine::Engine;
use testbed::TestbedError;

/// What the reaper says once it no longer goes the way of its runner.
const READY: &str = "ready";
/// What the runner says when nothing of it is left.
const FAREWELL: &str = "farewell";
/// How long a reaper may take to get ready, and to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it tries to reach an engine that is away.
const ENGINE_AWAY: Duration = Duration::from_secs(60);
/// How long it looks whether something comes into being that the runner had asked for.
const LATECOMERS: Duration = Duration::from_secs(3);
/// How much it reads of its runner at the most, in bytes.
const READING_LIMIT: u64 = 1024;

/// The process that removes all of a run if its runner is killed; started when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Reaper(tokio::sync::Mutex<Option<Process>>);

/// It takes the end of `runner` for the end of the process.
#[derive(Debug)]
struct Process {
    child: Child,
    runner: ChildStdin,
}

impl Reaper {
    /// Starts the reaper of a run, unless it is there.
    pub(super) async fn start(
        &self,
        sceplab: Option<&Path>,
        run: &str,
    ) -> Result<(), TestbedError> {
        let mut reaper = self.0.lock().await;
        if reaper.as_mut().is_some_and(Process::lives) {
            return Ok(());
        }
        let program = sceplab.map_or_else(this_program, Path::to_owned);
        let run = run.to_owned();
        let told = format!("`{} lab-process reaper`", program.display());
        let started = tokio::task::spawn_blocking(move || Process::start(&program, &run));
        let failed = |why: String| {
            let reason = format!("{told}, which removes what a run that is killed leaves, {why}");
            TestbedError::Engine { reason }
        };
        let started = match timeout(PATIENCE, started).await {
            Ok(Ok(started)) => {
                started.map_err(|error| failed(format!("cannot be started: {error}")))?
            }
            Ok(Err(error)) => return Err(failed(format!("cannot be started: {error}"))),
            Err(_) => return Err(failed(format!("is not ready after {} s", PATIENCE.as_secs()))),
        };
        *reaper = Some(started);
        Ok(())
    }

    /// Lets the reaper go, for nothing of this run is left; waits for its end.
    pub(super) async fn farewell(&self) {
        let Some(Process { mut child, mut runner }) = self.0.lock().await.take() else { return };
        let _ = runner.write_all(format!("{FAREWELL}\n").as_bytes());
        drop(runner);
        let deadline = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Process {
    fn start(program: &Path, run: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["lab-process", "reaper"]).current_dir("/");
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, "sceplab");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (Some(mut runner), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        runner.write_all(format!("{run}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(said.take(READING_LIMIT)).read_line(&mut line)?;
        if line.trim_end() != READY {
            let _ = child.kill();
            let status = child.wait()?;
            return Err(io::Error::other(format!("it ended with {status} before it was ready")));
        }
        Ok(Self { child, runner })
    }

    fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// What the reaper does: it waits for the end of its runner, and removes what that has left.
///
/// # Errors
/// When nobody says which run is meant, or something of it could not be removed.
pub async fn reap() -> io::Result<()> {
    let _signals = leave_the_runners_session();
    let mut runner = tokio::io::BufReader::new(tokio::io::stdin().take(READING_LIMIT));
    let mut run = String::new();
    runner.read_line(&mut run).await?;
    let run = run.trim_end();
    if run.is_empty() {
        return Err(io::Error::other("no run is named on the standard input"));
    }
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{READY}\n").as_bytes()).await?;
    stdout.flush().await?;
    let mut last = String::new();
    // Whatever goes wrong with the pipe, the runner is not there any more.
    let _ = runner.read_line(&mut last).await;
    if last.trim_end() == FAREWELL {
        return Ok(());
    }
    remove(run).await.map_err(|error| io::Error::other(error.to_string()))
}

async fn remove(run: &str) -> Result<(), TestbedError> {
    let deadline = Instant::now() + ENGINE_AWAY;
    let engine = loop {
        match Engine::connect().await {
            Ok(engine) => break engine,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(INTERVAL).await,
        }
    };
    let until = Instant::now() + LATECOMERS;
    loop {
        remove_all(&engine, run).await?;
        if Instant::now() > until {
            return Ok(());
        }
        sleep(INTERVAL).await;
    }
}

/// Neither Ctrl-C, nor the end of the terminal, nor a service manager that ends the runner is to end the reaper as well.
#[cfg(unix)]
fn leave_the_runners_session() -> Vec<tokio::signal::unix::Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    #[cfg(target_os = "linux")]
    let _ = nix::unistd::setsid();
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect()
}

#[cfg(not(unix))]
fn leave_the_runners_session() {}

/// This process's own, also where its file is another by now.
fn this_program() -> PathBuf {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return own.to_owned();
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("sceplab"))
}
