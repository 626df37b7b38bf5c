//! The service behind `system certificate scep`: one task for each request, from a fresh key to a stored certificate.

mod attempt;
mod http;
mod key_source;
mod pause;
pub(crate) mod progress;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use self::key_source::{KeyPool, KeySource};
pub use self::pause::GrowingPause;

use self::attempt::Enrolment;
use self::progress::Progress;
use crate::config::system::CsrSettings;
use crate::network::Network;
use crate::protocol_log::ProtocolLog;
use crate::secret::SecretStore;

/// What every enrolment of a device works with.
pub(crate) struct Surroundings {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) secrets: SecretStore,
    pub(crate) keys: KeySource,
    pub(crate) retry_pause: GrowingPause,
    pub(crate) poll_pause: GrowingPause,
    pub(crate) log: ProtocolLog,
    /// Changes whenever the device may answer differently.
    pub(crate) changes: watch::Sender<u64>,
    /// Wakes those that wait to try again: the network may have changed.
    pub(crate) wake: Notify,
}

impl Surroundings {
    /// Tells those who watch the device that it may answer differently now.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Every enrolment of a device; dropping it ends them.
pub(crate) struct Enrolments {
    surroundings: Arc<Surroundings>,
    running: BTreeMap<String, Running>,
}

struct Running {
    settings: CsrSettings,
    progress: Arc<Mutex<Progress>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Enrolments {
    pub(crate) fn new(surroundings: Arc<Surroundings>) -> Self {
        Self { surroundings, running: BTreeMap::new() }
    }

    /// Makes the enrolments those of `wanted`: what is gone ends with its certificates, what changed starts anew.
    pub(crate) fn reconcile(&mut self, wanted: &BTreeMap<String, CsrSettings>) {
        self.running.retain(|name, running| wanted.get(name) == Some(&running.settings));
        for (name, settings) in wanted {
            if !self.running.contains_key(name) {
                self.running.insert(name.clone(), self.start(name, settings));
            }
        }
        self.surroundings.wake.notify_waiters();
        self.surroundings.changed();
    }

    /// How far the request of that name has come.
    pub(crate) fn progress(&self, name: &str) -> Option<Progress> {
        let progress = &self.running.get(name)?.progress;
        Some(progress.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// The names of all requests.
    pub(crate) fn names(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    fn start(&self, name: &str, settings: &CsrSettings) -> Running {
        let progress = Arc::new(Mutex::new(Progress::begun()));
        let enrolment = Enrolment::new(name, settings, &self.surroundings, &progress);
        Running { settings: settings.clone(), progress, task: tokio::spawn(enrolment.run()) }
    }
}
