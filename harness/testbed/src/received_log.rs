//! The certificates that steps of SCEP asked for, noted as they do: a scenario that is cut short has cost them all the same.

use std::sync::Arc;

use parking_lot::Mutex;

use results::Received;

/// What was issued to the scenarios of a run; clones share it.
#[derive(Debug, Clone, Default)]
pub struct ReceivedLog(Arc<Mutex<Vec<Option<Received>>>>);

impl ReceivedLog {
    /// Notes that a certificate is about to be asked for; the number is that of its entry.
    pub fn begin(&self, received: Received) -> usize {
        let mut entries = self.0.lock();
        entries.push(Some(received));
        entries.len() - 1
    }

    /// Notes what came of an entry; nothing if no certificate was issued.
    pub fn settle(&self, entry: usize, received: Option<Received>) {
        if let Some(noted) = self.0.lock().get_mut(entry) {
            *noted = received;
        }
    }

    /// All that was noted, in its order.
    pub fn entries(&self) -> Vec<Received> {
        self.0.lock().iter().flatten().cloned().collect()
    }
}
