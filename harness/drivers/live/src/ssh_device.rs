//! A real device behind the harness's seam: its command line, over SSH.
//!
//! The configuration is saved when the device is connected to, and put back at the end, however that comes.

mod configuration;
mod connection;
mod console;
mod prompt;
mod refusal;
mod saved;
mod screen;
mod session;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{self, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use self::connection::Caller;
pub use self::connection::{AtTerminal, Passwords, Route, answer_ssh};
pub use self::session::Restored;
use self::session::Session;
use model::lab::SshTarget;
use testbed::device::{Change, Device, DeviceError};
use testbed::{ChangedDevice, TestbedError};

/// How often an idle device is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// All sessions with devices.
pub struct SshSessions(Arc<Shared>);

struct Shared {
    passwords: Arc<dyn Passwords>,
    program: Option<PathBuf>,
    /// Those that have not ended, by their numbers: with whom, and where the configuration is written down, if it is to be
    /// put back.
    open: watch::Sender<BTreeMap<u64, (String, Option<PathBuf>)>>,
    /// How devices are reached that could not be left as they were, and what is told of that.
    complaints: Mutex<BTreeMap<String, String>>,
}

impl Default for SshSessions {
    /// Passwords are asked for at the terminal.
    fn default() -> Self {
        Self::new(Arc::new(AtTerminal::default()), None)
    }
}

impl SshSessions {
    /// There are none yet. `program` is the `sceplab` that `ssh` asks for passwords, this process's own if it is left out.
    pub fn new(passwords: Arc<dyn Passwords>, program: Option<PathBuf>) -> Self {
        let (open, complaints) = Default::default();
        Self(Arc::new(Shared { passwords, program, open, complaints }))
    }

    /// Logs in and saves the configuration, which is put back at the end unless it is to be kept.
    ///
    /// # Errors
    /// What is in the way, and what to do: no connection, another host key, no login, no prompt, no configuration to
    /// be read, or one that is not the device's own.
    pub async fn open(
        &self,
        name: &str,
        target: &SshTarget,
        keep_config: bool,
    ) -> Result<SshDevice, TestbedError> {
        let broken = |reason| TestbedError::Device { name: name.to_owned(), reason };
        let place = target.to_string();
        if self.0.complaints.lock().contains_key(&place) {
            let reason = "its configuration could not be put back after an earlier scenario, and what it has now must not \
                          be taken for its own";
            return Err(broken(reason.to_owned()));
        }
        let program = self.0.program.clone().map_or_else(std::env::current_exe, Ok);
        let program = program.map_err(|error| broken(format!("where this program is: {error}")))?;
        let (passwords, target) = (Arc::clone(&self.0.passwords), target.clone());
        let caller = Caller { target, passwords, program };
        let session = Session::open(name, caller, keep_config).await.map_err(broken)?;
        let (notes, lost) = (session.notes.clone(), session.lost.subscribe());
        let counted = Counted::new(&self.0, name, place, session.saved_in.clone());
        let open = Arc::new(sync::Mutex::new(Some(Open { session, counted })));
        Ok(SshDevice { open, notes, lost, runtime: Handle::current() })
    }

    /// Waits until every session has ended; tells once what was wrong then.
    pub async fn settled(&self) -> Vec<String> {
        // The sender lives as long as this value.
        let _ = self.0.open.subscribe().wait_for(BTreeMap::is_empty).await;
        std::mem::take(&mut *self.0.complaints.lock()).into_values().collect()
    }

    /// What was wrong with sessions that have ended already, as far as nobody was told.
    pub fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().values().cloned().collect()
    }

    /// The devices whose configuration is not put back yet.
    pub fn not_put_back(&self) -> Vec<ChangedDevice> {
        let open = self.0.open.borrow();
        let saved =
            open.values().filter_map(|(device, path)| Some((device.clone(), path.clone()?)));
        saved.map(|(device, saved_in)| ChangedDevice { device, saved_in }).collect()
    }
}

/// A device over SSH; when it is dropped, its configuration is put back, and [`SshSessions::settled`] waits for that.
pub struct SshDevice {
    /// Nothing once the configuration was put back.
    open: Arc<sync::Mutex<Option<Open>>>,
    notes: Vec<String>,
    /// Why the device is gone, once it is.
    lost: watch::Receiver<Option<String>>,
    runtime: Handle,
}

/// A session that has not ended; it is dropped before it is counted no more.
struct Open {
    session: Session,
    counted: Counted,
}

impl SshDevice {
    /// Puts the configuration back and logs out; nothing can be ordered afterwards.
    pub async fn restore(&self) -> Restored {
        let restored = self.restoring().await.ok().flatten();
        restored.unwrap_or_else(|| Restored::NotPutBack { reason: ended(), saved_in: None })
    }

    /// Puts the configuration back in a task of its own, whether or not somebody waits for that.
    fn restoring(&self) -> JoinHandle<Option<Restored>> {
        let open = Arc::clone(&self.open);
        self.runtime.spawn(async move {
            let mut slot = open.lock().await;
            let mut open = slot.take()?;
            let restored = open.session.restore().await;
            open.counted.left.clone_from(&restored);
            Some(restored)
        })
    }

    /// Has something done in the session, in a task of its own; a change or a command is stopped once nobody waits for it.
    async fn order<T: Send + 'static>(
        &self,
        can_be_stopped: bool,
        work: impl for<'a> FnOnce(&'a mut Session) -> BoxFuture<'a, T> + Send + 'static,
    ) -> Result<T, DeviceError> {
        let (mut reply, answer) = oneshot::channel();
        let open = Arc::clone(&self.open);
        self.runtime.spawn(async move {
            let mut open = open.lock().await;
            let Some(Open { session, .. }) = &mut *open else { return };
            tokio::select! {
                done = work(session) => drop(reply.send(done)),
                () = reply.closed(), if can_be_stopped => session.stop().await,
            }
        });
        answer.await.map_err(|_| DeviceError::Broken { reason: ended() })
    }
}

impl Drop for SshDevice {
    fn drop(&mut self) {
        drop(self.restoring());
    }
}

#[async_trait]
impl Device for SshDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let lines = change.lines().to_owned();
        let replace = matches!(change, Change::Replace(_));
        self.order(true, move |session| Box::pin(session.configure(lines, replace))).await?
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        let command = command.to_owned();
        self.order(true, move |session| Box::pin(session.execute(command))).await?
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.order(false, |session| Box::pin(session.journal())).await.unwrap_or_default()
    }

    async fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    async fn broken(&self) -> String {
        loop {
            if let Some(reason) = &*self.lost.borrow() {
                return reason.clone();
            }
            sleep(LOOK).await;
            // Whoever has ended its session on purpose is not broken.
            let _ = self.order(false, |session| Box::pin(session.look())).await;
        }
    }
}

/// What is said if a task of a session is no more.
fn ended() -> String {
    "the session with the device ended unexpectedly, which is a fault of sceplab".to_owned()
}

/// Counts a session among those that have not ended, until it is dropped.
struct Counted {
    sessions: Arc<Shared>,
    number: u64,
    /// How the device is reached.
    place: String,
    /// How its configuration is left if the session ends now.
    left: Restored,
}

impl Counted {
    fn new(sessions: &Arc<Shared>, name: &str, place: String, saved_in: Option<PathBuf>) -> Self {
        let mut number = 0;
        let left = Restored::NotPutBack { reason: ended(), saved_in: saved_in.clone() };
        sessions.open.send_modify(|open| {
            number = open.last_key_value().map_or(0, |(last, _)| last + 1);
            open.insert(number, (format!("device `{name}` (`{place}`)"), saved_in));
        });
        Self { sessions: Arc::clone(sessions), number, place, left }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sessions.open.send_modify(|open| {
            let Some((device, _)) = open.remove(&self.number) else { return };
            let Restored::NotPutBack { reason, saved_in } = &self.left else { return };
            let saved = saved_in.as_ref().map_or_else(String::new, |path| {
                format!(
                    "; as it was before it is in `{}`: log in, type `configure`, delete what is not there, type its \
                     lines, then `commit`",
                    path.display()
                )
            });
            let told = format!("{device}: its configuration could not be put back: {reason}{saved}");
            self.sessions.complaints.lock().insert(std::mem::take(&mut self.place), told);
        });
    }
}
