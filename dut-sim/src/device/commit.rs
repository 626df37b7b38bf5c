//! Making a configuration the device's own: all of it or nothing.

use super::Device;
use crate::config::message::{CommitFault, Notice, Refusal};
use crate::config::session::Candidate;
use crate::config::system::System;
use crate::config::tree::Configuration;
use crate::network::{Addressing, ApplyError};

impl Device {
    /// Makes the changes of `candidate` active, on top of what others have committed meanwhile; one user at a time may.
    pub(super) async fn commit(
        &self,
        candidate: &mut Candidate,
    ) -> Result<Option<Notice>, Refusal> {
        let _committing = self.committing.try_lock().map_err(|_| Refusal::Locked)?;
        candidate.rebase(&self.state().active);
        let notice = self.make_active(candidate.configuration()).await?;
        candidate.rebase(&self.state().active);
        Ok(notice)
    }

    /// The same with all of a configuration, once it is the caller's turn.
    pub(super) async fn commit_in_turn(
        &self,
        configuration: &Configuration,
    ) -> Result<Option<Notice>, Refusal> {
        let _committing = self.committing.lock().await;
        self.make_active(configuration).await
    }

    /// Checks `candidate`, gives the network its addresses, and only then makes it active and starts what changed.
    pub(super) async fn make_active(
        &self,
        candidate: &Configuration,
    ) -> Result<Option<Notice>, Refusal> {
        let (unchanged, addressing) = {
            let state = self.state();
            (state.active == *candidate, state.system.addressing.clone())
        };
        if unchanged {
            return Ok(Some(Notice::NoChangesToCommit));
        }
        let system = System::read(candidate, &self.interfaces).map_err(Refusal::Commit)?;
        if system.addressing != addressing {
            self.apply(&system.addressing).await?;
        }
        self.restart_in_commit().await;
        self.activate(candidate.clone(), system);
        Ok(None)
    }

    async fn apply(&self, addressing: &Addressing) -> Result<(), Refusal> {
        let applied = self.surroundings.network.apply(addressing).await;
        applied.map_err(|error| {
            Refusal::Commit(vec![CommitFault { path: place_of(&error), reason: error.to_string() }])
        })
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

/// The node of the configuration that an error of the network is about.
fn place_of(error: &ApplyError) -> Vec<String> {
    let words = match error {
        ApplyError::NoSuchInterface { interface } => vec!["interfaces", "ethernet", interface],
        ApplyError::Other(_) => vec!["interfaces"],
    };
    words.into_iter().map(str::to_owned).collect()
}
