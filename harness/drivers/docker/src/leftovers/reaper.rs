//! A process that outlives the runner. If the runner ends without having finished, it removes everything of its run.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::{INTERVAL, remove_all};
use crate::engine::Engine;
use testbed::TestbedError;

/// The reaper's message when the runner's signals no longer end it.
const READY: &str = "ready";
/// The runner's message when nothing of its run is left.
const FINISHED: &str = "finished";
/// The timeout for a reaper to get ready, and to end.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout for reaching an engine that is not available.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);
/// The time for which the reaper looks for objects that the runner requested and the engine creates late.
const LATE_OBJECTS_PERIOD: Duration = Duration::from_secs(3);
/// The maximum number of bytes that are read from the other process.
const READING_LIMIT: u64 = 1024;

/// The process that removes everything of a run if its runner is killed; started when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Reaper(tokio::sync::Mutex<Option<Process>>);

/// The reaper process. It considers the runner dead when `runner` is closed.
#[derive(Debug)]
struct Process {
    child: Child,
    runner: ChildStdin,
}

impl Reaper {
    /// Starts the reaper of a run, unless it is running.
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
        let command = format!("`{} lab-process reaper`", program.display());
        let started = tokio::task::spawn_blocking(move || Process::start(&program, &run));
        let failed = |why: String| {
            let reason = format!("{command}, which removes what a killed run leaves, {why}");
            TestbedError::Engine { reason }
        };
        let started = match timeout(TIMEOUT, started).await {
            Ok(Ok(started)) => {
                started.map_err(|error| failed(format!("cannot be started: {error}")))?
            }
            Ok(Err(error)) => return Err(failed(format!("cannot be started: {error}"))),
            Err(_) => return Err(failed(format!("is not ready after {} s", TIMEOUT.as_secs()))),
        };
        *reaper = Some(started);
        Ok(())
    }

    /// Ends the reaper, because nothing of this run is left, and waits for its end.
    pub(super) async fn finish(&self) {
        let Some(Process { mut child, mut runner }) = self.0.lock().await.take() else { return };
        let _ = runner.write_all(format!("{FINISHED}\n").as_bytes());
        drop(runner);
        let deadline = Instant::now() + TIMEOUT;
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
        let (Some(mut runner), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        runner.write_all(format!("{run}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stdout.take(READING_LIMIT)).read_line(&mut line)?;
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

/// The main function of the reaper: waits for the end of its runner, and removes what the run has left.
///
/// # Errors
/// If no run is named, or an object could not be removed.
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
    // An error of the pipe also means that the runner has ended.
    let _ = runner.read_line(&mut last).await;
    if last.trim_end() == FINISHED {
        return Ok(());
    }
    remove(run).await.map_err(|error| io::Error::other(error.to_string()))
}

async fn remove(run: &str) -> Result<(), TestbedError> {
    let deadline = Instant::now() + CONNECT_LIMIT;
    let engine = loop {
        match Engine::connect().await {
            Ok(engine) => break engine,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(INTERVAL).await,
        }
    };
    let until = Instant::now() + LATE_OBJECTS_PERIOD;
    loop {
        remove_all(&engine, run).await?;
        if Instant::now() > until {
            return Ok(());
        }
        sleep(INTERVAL).await;
    }
}

/// Makes the reaper survive Ctrl-C, the end of the terminal, and a service manager that ends the runner.
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

/// The executable of this process, even if its file has been replaced.
fn this_program() -> PathBuf {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return own.to_owned();
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("sceplab"))
}
