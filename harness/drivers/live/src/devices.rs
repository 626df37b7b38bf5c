//! The real devices of a run: who they are is asked once, and none is touched that could not be left as it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Targets;
use crate::ssh_device::{Restored, SshDevice, SshSessions};
use model::lab::SshTarget;
use testbed::device::Device;
use testbed::{BenchError, Resource};

/// What is known of the real devices of a run.
#[derive(Default)]
pub(super) struct Devices {
    pub(super) sessions: SshSessions,
    /// Those whose configuration could not be put back.
    not_restored: Mutex<BTreeSet<String>>,
}

impl Targets {
    /// Logs in to a device, and out again: whoever cannot be reached is known before anything is changed.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn greet(&self, name: &str, target: &SshTarget) -> Result<(), BenchError> {
        // Nothing was changed, and there is nothing to put back.
        let device = self.devices().sessions.open(name, target, true).await?;
        device.restore().await;
        Ok(())
    }

    /// Logs in to a device, and saves its configuration; the resource puts it back.
    pub(super) async fn device(
        &self,
        name: &str,
        target: &SshTarget,
    ) -> Result<(Arc<dyn Device>, Box<dyn Resource>), BenchError> {
        if self.is_not_restored(target) {
            let reason = "its configuration could not be put back after an earlier scenario, and what it has now must not \
                          be taken for its own";
            return Err(BenchError::Device { name: name.to_owned(), reason: reason.to_owned() });
        }
        let keeps = self.keep_configuration();
        let device = Arc::new(self.devices().sessions.open(name, target, keeps).await?);
        let (targets, place) = (self.clone(), target.to_string());
        let restoring = Box::new(Restoring { device: Arc::clone(&device), targets, place });
        Ok((device, restoring))
    }

    fn is_not_restored(&self, target: &SshTarget) -> bool {
        let places = self.devices().not_restored.lock();
        places.contains(&target.to_string())
    }

    fn note_not_restored(&self, place: String) {
        self.devices().not_restored.lock().insert(place);
    }
}

/// Puts the configuration of a device back at the end of a lab; so does the device itself when it is dropped.
struct Restoring {
    device: Arc<SshDevice>,
    targets: Targets,
    place: String,
}

#[async_trait]
impl Resource for Restoring {
    async fn close(self: Box<Self>) {
        // Why, is told at the end of the run.
        if let Restored::NotPutBack { .. } = self.device.restore().await {
            self.targets.note_not_restored(self.place);
        }
    }
}
