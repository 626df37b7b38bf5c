//! The sessions with devices: each is a task of its own, which puts the configuration back once nobody can order anything.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::connection::Caller;
use super::passwords::{AtTerminal, Passwords};
use super::session::{Restored, Session};
use model::lab::SshTarget;
use testbed::ChangedDevice;

/// How often an idle device is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// All sessions with devices; copies are the same ones.
#[derive(Clone)]
pub struct SshSessions(Arc<Shared>);

struct Shared {
    passwords: Arc<dyn Passwords>,
    program: Option<PathBuf>,
    /// Those that have not ended, by their numbers: with whom, and where the configuration is written down, if it is to be
    /// put back.
    open: watch::Sender<BTreeMap<u64, (String, Option<PathBuf>)>>,
    /// What was wrong with sessions when they ended, as far as nobody was told.
    complaints: Mutex<Vec<String>>,
}

/// What is to be done in a session.
pub(super) type Order = Box<dyn for<'a> FnOnce(&'a mut Session) -> BoxFuture<'a, ()> + Send>;

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) notes: Vec<String>,
    /// Why the device is gone, once it is.
    pub(super) gone: watch::Receiver<Option<String>>,
}

impl Default for SshSessions {
    /// Passwords are asked for at the terminal.
    fn default() -> Self {
        Self::new(Arc::new(AtTerminal::default()), None)
    }
}

impl fmt::Debug for SshSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SshSessions").field(&self.0.open.borrow().len()).finish()
    }
}

impl SshSessions {
    /// There are none yet. `program` is the `sceplab` that `ssh` asks for passwords, this process's own if it is left out.
    pub fn new(passwords: Arc<dyn Passwords>, program: Option<PathBuf>) -> Self {
        let (open, complaints) = (watch::Sender::default(), Mutex::default());
        Self(Arc::new(Shared { passwords, program, open, complaints }))
    }

    /// Waits until every session has ended; tells once what was wrong then.
    pub async fn settled(&self) -> Vec<String> {
        // The sender lives as long as this value.
        let _ = self.0.open.subscribe().wait_for(BTreeMap::is_empty).await;
        std::mem::take(&mut *self.0.complaints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was wrong with sessions that have ended already, as far as nobody was told.
    pub fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The devices whose configuration is not put back yet.
    pub fn not_put_back(&self) -> Vec<ChangedDevice> {
        let open = self.0.open.borrow();
        let saved =
            open.values().filter_map(|(device, path)| Some((device.clone(), path.clone()?)));
        saved.map(|(device, saved_in)| ChangedDevice { device, saved_in }).collect()
    }

    /// Opens a session; when nobody can order anything any more, the configuration is put back.
    pub(super) async fn start(
        &self,
        name: &str,
        target: &SshTarget,
        keep_config: bool,
    ) -> Result<Opened, String> {
        let program = self.0.program.clone().map_or_else(std::env::current_exe, Ok);
        let program = program.map_err(|error| format!("where this program is: {error}"))?;
        let caller = Caller::new(target.clone(), Arc::clone(&self.0.passwords), program);
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let (mut opened, wait) = oneshot::channel();
        let (gone, watched) = watch::channel(None);
        let mut living = Living::new(self.clone(), format!("device `{name}` (`{target}`)"));
        let (name, target) = (name.to_owned(), target.clone());
        tokio::spawn(async move {
            let session = tokio::select! {
                session = Session::open(&name, &target, caller, keep_config) => session,
                // Nothing was changed yet.
                () = opened.closed() => return living.end(None),
            };
            let mut session = match session {
                Ok(session) => session,
                Err(reason) => {
                    // Before whoever waits is told, so that nothing is left when it is.
                    living.end(None);
                    let _ = opened.send(Err(reason));
                    return;
                }
            };
            living.note_saved(session.written());
            let _ = opened.send(Ok(session.notes()));
            keep(&mut session, &mut ordered, &gone).await;
            let restored = session.restore().await;
            drop(session);
            living.end(complaint(&restored));
        });
        let notes = wait.await.map_err(|_| ended())??;
        Ok(Opened { orders, notes, gone: watched })
    }
}

/// What is said where the task is no more.
pub(super) fn ended() -> String {
    "the session with the device ended unexpectedly, which is a fault of sceplab".to_owned()
}

/// Does what is ordered, until nothing can be any more.
async fn keep(
    session: &mut Session,
    ordered: &mut mpsc::UnboundedReceiver<Order>,
    gone: &watch::Sender<Option<String>>,
) {
    while !session.is_over() {
        tokio::select! {
            order = ordered.recv() => match order {
                Some(order) => order(session).await,
                None => return,
            },
            () = sleep(LOOK) => if let Err(reason) = session.look().await {
                gone.send_replace(Some(reason));
            },
        }
    }
}

/// What the user must know of how the configuration was left.
fn complaint(restored: &Restored) -> Option<String> {
    let Restored::NotPutBack { reason, saved_in } = restored else { return None };
    let saved = saved_in.as_ref().map_or_else(String::new, |path| {
        format!(
            "; as it was before it is in `{}`: log in, type `configure`, delete what is not there, type its lines, then \
             `commit`",
            path.display()
        )
    });
    Some(format!("its configuration could not be put back: {reason}{saved}"))
}

/// Counts a session, as long as its task lives.
struct Living {
    sessions: SshSessions,
    number: u64,
    /// What there is to complain of if it ends now.
    complaint: Option<String>,
}

impl Living {
    fn new(sessions: SshSessions, device: String) -> Self {
        let mut number = 0;
        sessions.0.open.send_modify(|open| {
            number = open.last_key_value().map_or(0, |(last, _)| last + 1);
            open.insert(number, (device, None));
        });
        Self { sessions, number, complaint: Some(ended()) }
    }

    /// Notes where the configuration is written down, if it is to be put back.
    fn note_saved(&mut self, path: Option<PathBuf>) {
        self.sessions.0.open.send_modify(|open| {
            open.entry(self.number).and_modify(|(_, saved_in)| saved_in.clone_from(&path));
        });
        if path.is_some() {
            let lost = Restored::NotPutBack { reason: ended(), saved_in: path };
            self.complaint = complaint(&lost);
        }
    }

    fn end(mut self, complaint: Option<String>) {
        self.complaint = complaint;
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.sessions.0.open.send_modify(|open| {
            let Some((device, _)) = open.remove(&self.number) else { return };
            let told = self.complaint.take().map(|told| format!("{device}: {told}"));
            self.sessions.0.complaints.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
        });
    }
}
