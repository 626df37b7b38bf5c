//! The authorities of a CA in the order of time, of which one is in use.

use std::{sync::Arc, time::SystemTime};

use openssl::x509::X509Ref;
use parking_lot::RwLock;

use super::{
    Authority,
    plan::{Plan, PlanError},
    timeline::{Since, Timeline},
};
use crate::{personality::Personality, settings::WindowsSettings};

/// The authorities, each of which is used from a moment on.
pub(crate) struct Succession {
    state: RwLock<State>,
}

struct State {
    timeline: Timeline,
    /// Oldest first.
    authorities: Vec<Arc<Authority>>,
}

impl State {
    fn of(timeline: Timeline, personality: &Personality, windows: &WindowsSettings) -> Self {
        let cas = timeline.cas.iter().map(|one| one.begins);
        let registrations = timeline.registrations.iter().map(|one| one.begins);
        let mut moments: Vec<SystemTime> = cas.chain(registrations).collect();
        moments.sort();
        moments.dedup();
        let authority = |begins: &SystemTime| {
            let ca = Since::at(&timeline.cas, *begins)?;
            let number = timeline.cas.iter().take_while(|one| one.begins <= *begins).count();
            let registration = Since::at(&timeline.registrations, *begins);
            Some(Arc::new(Authority {
                number: u32::try_from(number.max(1)).unwrap_or(u32::MAX),
                begins: *begins,
                issuers: timeline.issuers.clone(),
                registration: registration.map(|one| one.value.clone()),
                ..Authority::of(personality, ca.value.clone(), windows)
            }))
        };
        let authorities = moments.iter().filter_map(authority).collect();
        Self { timeline, authorities }
    }
}

impl Succession {
    /// The authorities of a timeline.
    pub(crate) fn of(
        timeline: Timeline,
        personality: &Personality,
        windows: &WindowsSettings,
    ) -> Self {
        Self { state: RwLock::new(State::of(timeline, personality, windows)) }
    }

    /// The authority in use at `now`.
    pub(crate) fn at(&self, now: SystemTime) -> Arc<Authority> {
        let state = self.state.read();
        let in_use = state.authorities.iter().rev().find(|one| one.begins <= now);
        let in_use = in_use.or_else(|| state.authorities.first());
        Arc::clone(in_use.expect("a timeline has a CA"))
    }

    /// The authority after `now` whose CA is the next one.
    pub(crate) fn next_ca(&self, now: SystemTime) -> Option<Arc<Authority>> {
        let number = self.at(now).number;
        let state = self.state.read();
        state.authorities.iter().find(|one| one.number > number).cloned()
    }

    /// All authorities, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Authority>> {
        self.state.read().authorities.clone()
    }

    /// The newest authority in use with the CA of this number, counted from 1, or with a later one that is in use at `now`.
    pub(crate) fn numbered(&self, number: u32, now: SystemTime) -> Arc<Authority> {
        let in_use = self.at(now);
        if in_use.number >= number {
            return in_use;
        }
        let state = self.state.read();
        state.authorities.iter().find(|one| one.number == number).cloned().unwrap_or(in_use)
    }

    /// The authority whose CA signed the certificate.
    pub(crate) fn signer_of(&self, certificate: &X509Ref) -> Option<Arc<Authority>> {
        let state = self.state.read();
        let mut last = 0;
        let mut cas = state.authorities.iter().filter(|one| {
            let is_another = one.number != last;
            last = one.number;
            is_another
        });
        cas.find(|one| one.has_signed(certificate)).cloned()
    }

    /// True if the certificate names one of the CAs as its issuer and is signed with that CA's key.
    pub(crate) fn has_signed(&self, certificate: &X509Ref) -> bool {
        self.signer_of(certificate).is_some()
    }

    /// Changes the timeline; `keep` must make the changed one durable before it is used.
    pub(crate) fn roll_over<E: From<PlanError>>(
        &self,
        plan: &Plan<'_>,
        now: SystemTime,
        keep: impl FnOnce(&Timeline) -> Result<(), E>,
    ) -> Result<Arc<Authority>, E> {
        let mut timeline = self.state.read().timeline.clone();
        timeline.roll_over(plan, now)?;
        keep(&timeline)?;
        *self.state.write() = State::of(timeline, plan.personality, plan.windows);
        Ok(self.at(now))
    }
}
