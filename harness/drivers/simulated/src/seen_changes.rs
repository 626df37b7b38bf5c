//! Up to where the changes of a device have been seen by those who check it.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

/// The changes of a device, and up to where they have been seen.
pub(crate) struct SeenChanges(Mutex<watch::Receiver<u64>>);

impl SeenChanges {
    pub(crate) fn new(changes: watch::Receiver<u64>) -> Self {
        Self(Mutex::new(changes))
    }

    /// What changes from here on, a check that runs from here on may have missed.
    pub(crate) fn mark_all(&self) {
        self.0.lock().mark_unchanged();
    }

    /// Waits for a change that was not seen, at most `pause`.
    pub(crate) async fn wait(&self, pause: Duration) {
        let mut changes = self.0.lock().clone();
        if let Ok(Err(_gone)) = tokio::time::timeout(pause, changes.changed()).await {
            // A device that is gone changes no more; without the pause its checks would spin.
            tokio::time::sleep(pause).await;
        }
    }
}
