//! A real device, controlled by its command line over SSH.
//!
//! The configuration is saved when the session opens, and restored at the end, even if the session fails.

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

use self::connection::SshConnector;
pub use self::connection::{AtTerminal, Passwords, Route, answer_ssh};
pub use self::session::Restored;
use self::session::Session;
use model::lab::SshTarget;
use testbed::device::{Change, Device, DeviceError};
use testbed::{ChangedDevice, TestbedError, UnrestoredDevice};

/// The interval at which an idle device is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The sessions with all devices.
pub struct SshSessions(Arc<Shared>);

struct Shared {
    passwords: Arc<dyn Passwords>,
    program: Option<PathBuf>,
    /// The open sessions by number: the device, and the file with its saved configuration, if that must be restored.
    open: watch::Sender<BTreeMap<u64, (String, Option<PathBuf>)>>,
    /// The complaints about devices that could not be restored, by their places.
    complaints: Mutex<BTreeMap<String, UnrestoredDevice>>,
}

impl Default for SshSessions {
    /// Asks for passwords at the terminal.
    fn default() -> Self {
        Self::new(Arc::new(AtTerminal::default()), None)
    }
}

impl SshSessions {
    /// No sessions yet. `program` is the `sceplab` by which `ssh` asks for passwords; this process's own if there is none.
    pub fn new(passwords: Arc<dyn Passwords>, program: Option<PathBuf>) -> Self {
        let (open, complaints) = Default::default();
        Self(Arc::new(Shared { passwords, program, open, complaints }))
    }

    /// Logs in and saves the configuration, which is restored at the end unless `keep_config` is set.
    ///
    /// # Errors
    /// What went wrong, with advice: no connection, another host key, no login, no prompt, a configuration that cannot be read,
    /// or that may not be the device's own.
    pub async fn open(
        &self,
        name: &str,
        target: &SshTarget,
        keep_config: bool,
    ) -> Result<SshDevice, TestbedError> {
        let broken = |reason| TestbedError::Device { name: name.to_owned(), reason };
        let place = target.to_string();
        if self.0.complaints.lock().contains_key(&place) {
            let reason = "its own configuration could not be restored after an earlier scenario; its present one must not be \
                          saved in its place";
            return Err(broken(reason.to_owned()));
        }
        let program = self.0.program.clone().map_or_else(std::env::current_exe, Ok);
        let program = program
            .map_err(|error| broken(format!("the path of this program is unknown: {error}")))?;
        let (passwords, target) = (Arc::clone(&self.0.passwords), target.clone());
        let connector = SshConnector { target, passwords, program };
        let session = Session::open(name, connector, keep_config).await.map_err(broken)?;
        let (notes, disconnected) = (session.notes.clone(), session.disconnected.subscribe());
        let guard = SessionGuard::new(&self.0, name, place, session.saved_in.clone());
        let open = Arc::new(sync::Mutex::new(Some(Open { session, guard })));
        Ok(SshDevice { open, notes, disconnected, runtime: Handle::current() })
    }

    /// Waits until every session has ended; returns the complaints, each once.
    pub async fn settled(&self) -> Vec<UnrestoredDevice> {
        // The sender is in `self`, so the channel is not closed.
        let _ = self.0.open.subscribe().wait_for(BTreeMap::is_empty).await;
        std::mem::take(&mut *self.0.complaints.lock()).into_values().collect()
    }

    /// The complaints about sessions that have already ended, except those that were returned before.
    pub fn complaints(&self) -> Vec<UnrestoredDevice> {
        self.0.complaints.lock().values().cloned().collect()
    }

    /// The devices whose configuration has not been restored yet.
    pub fn not_put_back(&self) -> Vec<ChangedDevice> {
        let open = self.0.open.borrow();
        let saved =
            open.values().filter_map(|(device, path)| Some((device.clone(), path.clone()?)));
        saved.map(|(device, saved_in)| ChangedDevice { device, saved_in }).collect()
    }
}

/// A device over SSH. When it is dropped, its configuration is restored, and [`SshSessions::settled`] waits for that.
pub struct SshDevice {
    /// Empty after the configuration was restored.
    open: Arc<sync::Mutex<Option<Open>>>,
    notes: Vec<String>,
    /// Why the device is gone, if it is.
    disconnected: watch::Receiver<Option<String>>,
    runtime: Handle,
}

/// An open session. The fields are dropped in this order.
struct Open {
    session: Session,
    guard: SessionGuard,
}

impl SshDevice {
    /// Restores the configuration and logs out; the device cannot be used afterwards.
    pub async fn restore(&self) -> Restored {
        let restored = self.restoring().await.ok().flatten();
        restored.unwrap_or_else(|| Restored::NotPutBack { reason: ended(), saved_in: None })
    }

    /// Restores the configuration in a separate task, even if the handle is dropped.
    fn restoring(&self) -> JoinHandle<Option<Restored>> {
        let open = Arc::clone(&self.open);
        self.runtime.spawn(async move {
            let mut slot = open.lock().await;
            let mut open = slot.take()?;
            let restored = open.session.restore().await;
            open.guard.left.clone_from(&restored);
            Some(restored)
        })
    }

    /// Runs `work` with the session in a separate task. If `can_be_stopped`, it is stopped when the caller is dropped.
    async fn run<T: Send + 'static>(
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
        self.run(true, move |session| Box::pin(session.configure(lines, replace))).await?
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        let command = command.to_owned();
        self.run(true, move |session| Box::pin(session.execute(command))).await?
    }

    async fn reboot(&self) -> Result<(), DeviceError> {
        let what = "a restart by a scenario: it is a real one, and its session would end";
        Err(DeviceError::not_supported(what))
    }

    async fn save(&self) -> Result<String, DeviceError> {
        let what =
            "saving its configuration by a scenario: it is a real one, and its own must come back";
        Err(DeviceError::not_supported(what))
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.run(false, |session| Box::pin(session.journal())).await.unwrap_or_default()
    }

    async fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    async fn broken(&self) -> String {
        loop {
            if let Some(reason) = &*self.disconnected.borrow() {
                return reason.clone();
            }
            sleep(CHECK_INTERVAL).await;
            // A session that was ended on purpose is not broken.
            let _ = self.run(false, |session| Box::pin(session.check_connection())).await;
        }
    }
}

/// The error if a task of a session has ended.
fn ended() -> String {
    "the session with the device ended unexpectedly, which is a bug in sceplab".to_owned()
}

/// Counts a session as open until it is dropped.
struct SessionGuard {
    sessions: Arc<Shared>,
    number: u64,
    /// The target, as in the lab file.
    place: String,
    /// The result of restoring the configuration, if the session ends now.
    left: Restored,
}

impl SessionGuard {
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

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.sessions.open.send_modify(|open| {
            let Some((device, _)) = open.remove(&self.number) else { return };
            let Restored::NotPutBack { reason, saved_in } = &self.left else { return };
            let saved = saved_in.as_ref().map_or_else(String::new, |path| {
                format!(
                    "; its previous configuration is in `{}`: log in, type `configure`, delete lines that are not in the file, type those \
                     of the file, then `commit`",
                    path.display()
                )
            });
            let complaint = format!("{device}: its configuration could not be put back: {reason}{saved}");
            let unrestored = UnrestoredDevice { device, complaint };
            self.sessions.complaints.lock().insert(std::mem::take(&mut self.place), unrestored);
        });
    }
}
