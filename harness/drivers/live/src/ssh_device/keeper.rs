//! The thread that has the session: libssh2 waits for answers, which async tasks must not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::session::{Restored, Session};
use testbed::device::DeviceError;

/// How often an idle device is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How many sessions have not ended.
static SESSIONS: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// The sessions whose configuration is to be put back: with whom, and where it is written down; by their numbers.
static CHANGED: Mutex<BTreeMap<u64, (String, PathBuf)>> = Mutex::new(BTreeMap::new());

/// What was wrong with sessions when they ended, as far as nobody was told.
static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What the session is to do, and who waits for it; whoever goes away stops it.
pub(super) enum Order {
    Configure { lines: String, replace: bool, reply: oneshot::Sender<Result<(), DeviceError>> },
    Execute { command: String, reply: oneshot::Sender<Result<String, DeviceError>> },
    Journal { reply: oneshot::Sender<Vec<String>> },
    Restore { reply: oneshot::Sender<Restored> },
}

/// A session that was opened.
pub(super) struct Opened {
    pub(super) orders: Sender<Order>,
    pub(super) notes: Vec<String>,
    /// Why the device is gone, once it is.
    pub(super) gone: watch::Receiver<Option<String>>,
}

/// Opens a session in a thread of its own; when nobody can order anything any more, the configuration is put back.
pub(super) async fn open(
    told_as: String,
    open: impl FnOnce() -> Result<Session, String> + Send + 'static,
) -> Result<Opened, String> {
    let (orders, ordered) = mpsc::channel();
    let (opened, wait) = oneshot::channel();
    let (gone, watched) = watch::channel(None);
    let living = Living::new(told_as);
    let work = move || {
        let mut session = match open() {
            Ok(session) => session,
            Err(reason) => {
                // Before whoever waits is told, so that nothing is left when it is.
                living.end(None);
                let _ = opened.send(Err(reason));
                return;
            }
        };
        living.changes(session.written());
        let _ = opened.send(Ok(session.notes()));
        let complaint = keep(&mut session, &ordered, &gone);
        drop(session);
        living.end(complaint.map(|reason| format!("{}: {reason}", living.told_as)));
    };
    std::thread::Builder::new()
        .name("ssh device".to_owned())
        .spawn(work)
        .map_err(|error| format!("no thread can be started: {error}"))?;
    let notes = wait.await.map_err(|_| ended())??;
    Ok(Opened { orders, notes, gone: watched })
}

/// Waits until every session has ended; tells once what was wrong then.
pub(super) async fn settled() -> Vec<String> {
    // The sender lives as long as the process.
    let _ = SESSIONS.subscribe().wait_for(|sessions| *sessions == 0).await;
    std::mem::take(&mut *COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What was wrong with sessions that have ended already, as far as nobody was told.
pub(super) fn complaints() -> Vec<String> {
    COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The devices whose configuration is not put back yet, and where it is written down.
pub(super) fn not_put_back() -> Vec<(String, PathBuf)> {
    CHANGED.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
}

/// What is said where the thread is no more.
pub(super) fn ended() -> String {
    "the session with the device ended unexpectedly, which is a fault of sceplab".to_owned()
}

/// Does what is ordered; tells what could not be put back at the end.
fn keep(
    session: &mut Session,
    ordered: &Receiver<Order>,
    gone: &watch::Sender<Option<String>>,
) -> Option<String> {
    loop {
        match ordered.recv_timeout(LOOK) {
            Ok(Order::Configure { lines, replace, reply }) => {
                let done = session.configure(&lines, replace, &|| reply.is_closed());
                let _ = reply.send(done);
            }
            Ok(Order::Execute { command, reply }) => {
                let done = session.execute(&command, &|| reply.is_closed());
                let _ = reply.send(done);
            }
            Ok(Order::Journal { reply }) => {
                let _ = reply.send(session.journal());
            }
            Ok(Order::Restore { reply }) => {
                let restored = session.restore();
                let complaint = complaint(&restored);
                let _ = reply.send(restored);
                return complaint;
            }
            Err(RecvTimeoutError::Disconnected) => return complaint(&session.restore()),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(reason) = session.look() {
                    gone.send_replace(Some(reason));
                }
            }
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

/// Counts a session, as long as its thread lives.
struct Living {
    number: u64,
    told_as: String,
    complaint: Mutex<Option<String>>,
}

impl Living {
    fn new(told_as: String) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        SESSIONS.send_modify(|sessions| *sessions += 1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let panicked = format!("{told_as}: {}", ended());
        Self { number, told_as, complaint: Mutex::new(Some(panicked)) }
    }

    /// Notes that the configuration is to be put back, where it is written down.
    fn changes(&self, written: Option<PathBuf>) {
        let Some(path) = written else { return };
        let panicked = format!(
            "{}: {}; its configuration was not put back, and is in `{}`",
            self.told_as,
            ended(),
            path.display()
        );
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(panicked);
        let changed = (self.told_as.clone(), path);
        CHANGED.lock().unwrap_or_else(PoisonError::into_inner).insert(self.number, changed);
    }

    /// Notes that the session has ended as it should, and what there is to complain of.
    fn end(&self, complaint: Option<String>) {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = complaint;
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).take();
        COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner).extend(complaint);
        CHANGED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        SESSIONS.send_modify(|sessions| *sessions -= 1);
    }
}
