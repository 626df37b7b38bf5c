//! The sessions of a served device. If there are too many, the connection that has said nothing for longest makes room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dut_sim::{Device, remote};
use testbed::injection::panic_if_asked;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// Maximum number of sessions at a time.
const MAX_SESSIONS: usize = 64;

/// The sessions.
pub(super) struct Sessions {
    permits: Arc<Semaphore>,
    /// The connections that had said nothing when they were looked at last, oldest first.
    silent: VecDeque<Silent>,
}

/// A connection that has said nothing.
struct Silent {
    /// Set by its greeting, or when it has to end.
    is_decided: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_SESSIONS)), silent: VecDeque::new() }
    }

    /// Begins a session with the device, or refuses it.
    pub(super) async fn begin(&mut self, stream: UnixStream, device: Arc<Device>) {
        let Some(permit) = self.permit().await else {
            let reason = format!("it has {MAX_SESSIONS} sessions already");
            tokio::spawn(async move { remote::refuse(stream, &reason).await });
            return;
        };
        let is_decided = Arc::<AtomicBool>::default();
        let own = Arc::clone(&is_decided);
        let session = tokio::spawn(async move {
            let _permit = permit;
            panic_if_asked("session");
            remote::serve(device, stream, || !own.swap(true, Ordering::Relaxed)).await;
        });
        self.silent.push_back(Silent { is_decided, task: session.abort_handle() });
    }

    /// Room for a session; none if all have begun.
    async fn permit(&mut self) -> Option<OwnedSemaphorePermit> {
        self.silent
            .retain(|one| !one.is_decided.load(Ordering::Relaxed) && !one.task.is_finished());
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(permit);
        }
        while let Some(oldest) = self.silent.pop_front() {
            if !oldest.is_decided.swap(true, Ordering::Relaxed) {
                oldest.task.abort();
                return Arc::clone(&self.permits).acquire_owned().await.ok();
            }
        }
        None
    }
}
