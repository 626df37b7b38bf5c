//! A lab process from the side of its runner, which starts, watches and ends it, and removes its folder.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use diagnostics::bugs;
use files::PrivateFolder;
use process::Output;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::lab_process::INCOMPLETE_CAPTURE;
use super::registry::Entry;
use model::lab::{Lab, Runs};
use simulated::channel::Channel;
use simulated::control::Built;
use simulated::exit::LabError;
use testbed::{KeptLab, OpenLab, TestbedError};

/// The timeout for building a lab without its programs, and for each command that prepares a program.
const BUILDING_LIMIT: Duration = Duration::from_secs(60);

/// The exit code of a lab process, or of a device's process, that ended by a bug of this program.
pub(super) const BUG: i32 = 1;

/// The timeout for a lab to end after it was asked to.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The processes of a lab; dropping it ends them.
pub(super) struct LabProcess {
    channel: Arc<Channel>,
    /// The keeper ends the lab if this is dropped or set.
    end: watch::Sender<bool>,
    keeper: JoinHandle<()>,
    folder: PathBuf,
    kept: KeptLab,
}

impl LabProcess {
    /// Starts the first process of a lab; it builds nothing yet. The folder is removed with it.
    pub(super) fn start(
        sceplab: &Path,
        folder: PrivateFolder,
        entry: OpenLab,
    ) -> Result<Self, TestbedError> {
        let broken = |error: std::io::Error| TestbedError::Network {
            reason: format!("`{} lab-process` cannot be started: {error}", sceplab.display()),
        };
        let (mut child, socket) = spawn(sceplab).map_err(broken)?;
        let (reader, writer) = socket.into_split();
        let (channel, reading) = Channel::new(reader, writer);
        let (end, ended) = watch::channel(false);
        let path = folder.path().to_owned();
        let tail = Output::of_errors(&mut child);
        let keeper = Keeper { child, tail, channel: Arc::clone(&channel), reading, folder, entry };
        let keeper = tokio::spawn(keeper.keep(ended));
        let kept = KeptLab { id: String::new(), hosts: Vec::new(), hidden: None };
        Ok(Self { channel, end, keeper, folder: path, kept })
    }

    /// The channel for requests to the lab process.
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Records the lab's id and hosts, and makes it available to other terminals.
    pub(super) fn register(&mut self, id: &str, built: &Built) {
        let (id, namespaces) = (id.to_owned(), built.namespaces.clone());
        let hosts = namespaces.keys().cloned().collect();
        // The scenario can run even if other terminals cannot enter the lab.
        let hidden = match self.channel.lab_process_id() {
            Some(process) => {
                let entry = Entry { id: id.clone(), process, namespaces };
                entry.register(&self.folder).err().map(|error| error.to_string())
            }
            None => Some("the ID of its process is unknown".to_owned()),
        };
        self.kept = KeptLab { id, hosts, hidden };
    }

    /// The description of the lab for its user, if it is kept.
    pub(super) fn kept(&self) -> KeptLab {
        self.kept.clone()
    }

    /// Asks the lab to end.
    pub(super) fn request_end(&self) {
        let _ = self.end.send(true);
    }

    /// Ends the lab and waits until nothing is left of it.
    pub(super) async fn end(self) {
        self.request_end();
        let _ = self.keeper.await;
    }
}

/// The timeout for building a lab: each program may take the time in the lab file, and each command before it its own.
pub(super) fn building_limit(lab: &Lab) -> Duration {
    let programs = lab.hosts.values().filter_map(|host| match &host.runs {
        Some(Runs::Program(program)) => {
            let commands = u32::try_from(program.prepare.len()).unwrap_or(u32::MAX);
            Some(program.ready.within.saturating_add(BUILDING_LIMIT.saturating_mul(commands)))
        }
        _ => None,
    });
    programs.fold(BUILDING_LIMIT, Duration::saturating_add)
}

/// Starts the process in a new process group, because Ctrl-C must reach the runner alone, which handles it.
fn spawn(sceplab: &Path) -> std::io::Result<(Child, UnixStream)> {
    let (near, far) = std::os::unix::net::UnixStream::pair()?;
    near.set_nonblocking(true)?;
    let child = Command::new(sceplab)
        .arg("lab-process")
        .stdin(OwnedFd::from(far))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, UnixStream::from_std(near)?))
}

/// Watches a lab until it has ended.
struct Keeper {
    child: Child,
    tail: Output,
    channel: Arc<Channel>,
    reading: JoinHandle<()>,
    folder: PrivateFolder,
    entry: OpenLab,
}

impl Keeper {
    /// Returns after the lab has ended, because it exited or because it was asked to.
    async fn keep(mut self, mut ended: watch::Receiver<bool>) {
        let status = tokio::select! {
            status = self.child.wait() => Some(status),
            // An error means the end as well: the `LabProcess` was dropped.
            _ = ended.wait_for(|ended| *ended) => None,
        };
        self.channel.close().await;
        if let Some(status) = status {
            let status = status.ok();
            self.record_bug(status).await;
            let exit_reason = self.tail.describe_end(status).await;
            let reason = LabError::Exited(format!("the lab process {exit_reason}"));
            self.channel.exits().record_lab_end(reason);
        } else {
            self.wait_for_end().await;
        }
        // Processes that are still in the lab hold the other end open.
        let _ = timeout(SHUTDOWN_TIMEOUT, self.reading).await;
        // The lab removes its folder itself if it can.
        drop(self.folder);
        drop(self.entry);
    }

    /// Records it if the lab process ended by a bug of this program.
    async fn record_bug(&self, status: Option<ExitStatus>) {
        if status.and_then(|status| status.code()) == Some(BUG) {
            bugs::record(self.tail.beside("in a lab process").await);
        }
    }

    /// Waits for the end of a lab that was asked to end.
    async fn wait_for_end(&mut self) {
        match timeout(SHUTDOWN_TIMEOUT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) if status.code() == Some(i32::from(INCOMPLETE_CAPTURE)) => {
                self.tail.finish().await;
                let said = self.tail.lines();
                self.entry.miss_capture(said.last().cloned().unwrap_or_default());
            }
            Ok(status) => {
                self.record_bug(status.as_ref().ok().copied()).await;
                let exit_reason = self.tail.describe_end(status.ok()).await;
                self.entry.complain(format!("a lab process that was asked to end {exit_reason}"));
            }
            Err(_) => {
                // The kernel then kills the second process of the lab as well.
                let _ = self.child.kill().await;
                let seconds = SHUTDOWN_TIMEOUT.as_secs();
                self.entry
                    .complain(format!("a lab process did not end in {seconds} s and was killed"));
            }
        }
    }
}
