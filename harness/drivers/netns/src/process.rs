//! A lab process, as its runner sees it: started, watched, ended, and its folder removed.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use process::Output;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::registry::{Entry, LabFolder};
use model::lab::{Lab, Runs};
use simulated::channel::Channel;
use simulated::control::Built;
use simulated::exit::Lost;
use testbed::{KeptLab, OpenLab, TestbedError};

/// How long the making of a lab may take, beside what its programs may, and as long each command that prepares one.
const BUILDING_LIMIT: Duration = Duration::from_secs(60);

/// How long a lab may take to end by itself.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The processes of a lab; dropping it ends them.
pub(super) struct LabProcess {
    channel: Arc<Channel>,
    /// Dropped or told, the keeper ends the lab.
    end: watch::Sender<bool>,
    keeper: JoinHandle<()>,
    folder: PathBuf,
    kept: KeptLab,
}

impl LabProcess {
    /// Starts the first process of a lab, which is told nothing yet; the folder is gone with it.
    pub(super) fn start(
        sceplab: &Path,
        folder: LabFolder,
        entry: OpenLab,
    ) -> Result<Self, TestbedError> {
        let broken = |error: std::io::Error| TestbedError::Network {
            reason: format!("`{} lab-process` cannot be started: {error}", sceplab.display()),
        };
        let (mut child, socket) = spawn(sceplab).map_err(broken)?;
        let (reader, writer) = socket.into_split();
        let (channel, listening) = Channel::new(reader, writer);
        let (end, ended) = watch::channel(false);
        let path = folder.path().to_owned();
        let tail = Output::of_errors(&mut child);
        let keeper =
            Keeper { child, tail, channel: Arc::clone(&channel), listening, folder, entry };
        let keeper = tokio::spawn(keeper.keep(ended));
        let kept = KeptLab { id: String::new(), hosts: Vec::new(), hidden: None };
        Ok(Self { channel, end, keeper, folder: path, kept })
    }

    /// The channel by which it is asked.
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Notes what the lab is called and what is in it, and lets it be found from other terminals.
    pub(super) fn stands(&mut self, id: &str, built: &Built) {
        let (id, namespaces) = (id.to_owned(), built.namespaces.clone());
        let hosts = namespaces.keys().cloned().collect();
        // A lab that cannot be entered is as good as any for its scenario.
        let hidden = match self.channel.inner() {
            Some(process) => {
                let entry = Entry { id: id.clone(), process, namespaces };
                entry.register(&self.folder).err().map(|error| error.to_string())
            }
            None => Some("its process is not known".to_owned()),
        };
        self.kept = KeptLab { id, hosts, hidden };
    }

    /// What its user is told of it if it is kept.
    pub(super) fn kept(&self) -> KeptLab {
        self.kept.clone()
    }

    /// Lets the lab end.
    pub(super) fn tell_to_end(&self) {
        let _ = self.end.send(true);
    }

    /// Ends the lab and waits until nothing is left of it.
    pub(super) async fn end(self) {
        self.tell_to_end();
        let _ = self.keeper.await;
    }
}

/// Programs may take the time that the lab file gives them, one after another, and each command before them its own.
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

/// A group of its own keeps it from Ctrl-C, which is the runner's to handle.
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

/// What is kept of a lab until it has ended.
struct Keeper {
    child: Child,
    tail: Output,
    channel: Arc<Channel>,
    listening: JoinHandle<()>,
    folder: LabFolder,
    entry: OpenLab,
}

impl Keeper {
    /// Ends with the lab: by itself, or when it is told to.
    async fn keep(mut self, mut ended: watch::Receiver<bool>) {
        let status = tokio::select! {
            status = self.child.wait() => Some(status),
            // An error is the end as well: nobody holds the lab any more.
            _ = ended.wait_for(|ended| *ended) => None,
        };
        self.channel.hang_up().await;
        if let Some(status) = status {
            let exit_reason = self.tail.describe_end(status.ok()).await;
            let reason = Lost::Gone(format!("the lab process {exit_reason}"));
            self.channel.exits().note_end(reason);
        } else {
            self.see_off().await;
        }
        // Whoever is left in the lab holds the other end.
        let _ = timeout(SHUTDOWN_TIMEOUT, self.listening).await;
        // The lab removes its folder itself if it can.
        drop(self.folder);
        drop(self.entry);
    }

    /// Waits for the end of a lab that was told to end.
    async fn see_off(&mut self) {
        match timeout(SHUTDOWN_TIMEOUT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(status) => {
                let exit_reason = self.tail.describe_end(status.ok()).await;
                self.entry.complain(format!("a lab process that was told to end {exit_reason}"));
            }
            Err(_) => {
                // The kernel ends the other one with it.
                let _ = self.child.kill().await;
                let seconds = SHUTDOWN_TIMEOUT.as_secs();
                self.entry
                    .complain(format!("a lab process did not end in {seconds} s and was killed"));
            }
        }
    }
}
