//! Making a configuration the device's own: all of it or nothing.

use super::Device;
use crate::config::message::{CommitFault, Refusal};
use crate::config::session::Candidate;
use crate::config::system::System;
use crate::config::tree::Configuration;
use crate::network::ApplyError;

impl Device {
    /// Makes the changes of `candidate` active, on top of what others have committed meanwhile; one user at a time may.
    ///
    /// What there is to say comes back.
    pub(super) async fn commit(&self, candidate: &mut Candidate) -> Result<&'static str, Refusal> {
        let _committing = self.committing.try_lock().map_err(|_| Refusal::Locked)?;
        candidate.rebase(&self.state().active);
        let said = self.make_active(candidate.configuration()).await?;
        candidate.rebase(&self.state().active);
        Ok(said)
    }

    /// Checks `candidate`, gives the network its addresses, and only then makes it active and starts what changed.
    pub(super) async fn make_active(
        &self,
        candidate: &Configuration,
    ) -> Result<&'static str, Refusal> {
        let (unchanged, addressing) = {
            let state = self.state();
            (state.active == *candidate, state.system.addressing.clone())
        };
        if unchanged {
            return Ok("No configuration changes to commit");
        }
        let system = System::read(candidate, &self.interfaces).map_err(Refusal::Commit)?;
        if system.addressing != addressing {
            let applied = self.surroundings.network.apply(&system.addressing).await;
            applied.map_err(|error| Refusal::Commit(vec![fault(&error)]))?;
        }
        self.restart_in_commit().await;
        self.activate(candidate.clone(), system);
        Ok("")
    }

    pub(super) fn activate(&self, active: Configuration, system: System) {
        self.enrolments().reconcile(&system.csrs);
        let mut state = self.state();
        state.active = active;
        state.system = system;
        drop(state);
        self.surroundings.changed();
    }
}

/// What the network refused, at the node of the configuration that it is about.
fn fault(error: &ApplyError) -> CommitFault {
    let path = match error {
        ApplyError::NoSuchInterface { interface } => vec!["interfaces", "ethernet", interface],
        ApplyError::Other(_) => vec!["interfaces"],
    };
    let path = path.into_iter().map(str::to_owned).collect();
    CommitFault { path, reason: error.to_string() }
}
