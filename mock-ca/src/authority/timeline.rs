//! The CAs that issue one after the other, and their registration authorities, each with the moment from which it is used.

use std::time::{Duration, SystemTime};

use openssl::x509::X509Name;
use scep::{
    clock::{FIRST_MOMENT, system_time, within_range},
    identity::Identity,
};

use super::{
    keys::{KEY_BITS, Role, generate},
    plan::{Plan, PlanError, parsed, validity},
};
use crate::{
    personality::Registration,
    settings::{CaCertificate, Hierarchy, NextCa, NextKey},
};

/// The age that a new CA pretends to have, so that its certificate is valid even to a peer with a slow clock.
const INSTALLED_AGO: Duration = Duration::from_secs(86_400);

/// Something that is used from a moment on, until the next of its kind is.
#[derive(Clone, Debug)]
pub(crate) struct Since<T> {
    pub(crate) begins: SystemTime,
    pub(crate) value: T,
}

impl<T> Since<T> {
    /// The newest that is used at `now`; the first if none is yet.
    pub(super) fn at(all: &[Self], now: SystemTime) -> Option<&Self> {
        all.iter().rev().find(|one| one.begins <= now).or_else(|| all.first())
    }
}

/// The CAs and the registration authorities, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// The CAs above, which all of them have; the nearest first.
    pub(crate) issuers: Vec<Identity>,
    pub(crate) cas: Vec<Since<Identity>>,
    pub(crate) registrations: Vec<Since<Registration<Identity>>>,
}

impl Timeline {
    /// New certificates, as if the CA had been installed a day before `now`.
    pub(crate) fn create(
        plan: &Plan<'_>,
        subject: &X509Name,
        now: SystemTime,
    ) -> Result<Self, PlanError> {
        let Hierarchy { ca, registration, next_ca, .. } = plan.hierarchy;
        let installed = within_range(now.checked_sub(INSTALLED_AGO).unwrap_or(now));
        let issuers = plan.issuers(installed)?;
        let key = plan.keys.key(Role::Ca, ca.key_bits)?;
        let validity = validity(plan.personality.ca.validity, ca);
        let first = plan.ca(subject, &key, issuers.first(), validity, installed)?;
        let end = system_time(first.certificate.not_after())?;
        let first = Since { begins: FIRST_MOMENT, value: first };
        let mut timeline = Self { issuers, cas: vec![first], registrations: Vec::new() };
        if let Some(profiles) = &plan.personality.registration {
            let keys = Registration {
                signing: plan.keys.key(Role::RegistrationSigning, KEY_BITS)?,
                encryption: plan.keys.key(Role::RegistrationEncryption, KEY_BITS)?,
            };
            let ca = &timeline.cas[0].value;
            let certificate = CaCertificate {
                valid_from: registration.valid_from,
                valid_for: registration.valid_for,
                ..CaCertificate::default()
            };
            let value = plan.registration(profiles, ca, &keys, &certificate, installed, 0)?;
            timeline.registrations.push(Since { begins: FIRST_MOMENT, value });
        }
        let by_default = plan.personality.has_next_ca.then(|| following(end));
        let next_ca = next_ca.clone().or(by_default);
        let renewal = registration.next.as_ref().map(|next| next.from);
        // In the order of their moments, because each needs the one before.
        if renewal.is_some_and(|at| next_ca.as_ref().is_none_or(|next| at < next.from)) {
            timeline.renew_registration(plan)?;
        }
        if let Some(next) = &next_ca {
            timeline.add_ca(plan, next)?;
        }
        if renewal.is_some_and(|at| next_ca.as_ref().is_some_and(|next| next.from <= at)) {
            timeline.renew_registration(plan)?;
        }
        Ok(timeline)
    }

    /// Adds the CA that follows the newest one, with certificates for its registration authority.
    pub(crate) fn add_ca(&mut self, plan: &Plan<'_>, next: &NextCa) -> Result<(), PlanError> {
        let Some(last) = self.cas.last().map(|last| &last.value) else { return Ok(()) };
        let bits = last.key.bits();
        let key = match next.key {
            NextKey::Same => last.key.clone(),
            NextKey::New if self.cas.len() == 1 => plan.keys.key(Role::NextCa, bits)?,
            NextKey::New => generate(bits)?,
        };
        let subject = match &next.subject {
            Some(subject) => Some(parsed(subject)?),
            None => None,
        };
        let subject = subject.as_deref().unwrap_or_else(|| last.certificate.subject_name());
        let certificate = CaCertificate {
            key_bits: bits,
            valid_from: Some(next.from),
            valid_for: next.valid_for.or(plan.hierarchy.ca.valid_for),
        };
        let validity = validity(plan.personality.ca.validity, &certificate);
        let value = plan.ca(subject, &key, self.issuers.first(), validity, next.from)?;
        self.insert_ca(plan, Since { begins: next.from, value })
    }

    /// Lets the next CA issue from now on; if there is none, it is made. Its certificate is made anew if it would not be valid yet.
    pub(crate) fn roll_over(&mut self, plan: &Plan<'_>, now: SystemTime) -> Result<(), PlanError> {
        let planned = self.cas.iter().skip(1).position(|one| one.begins > now);
        let Some(position) = planned.map(|position| position + 1) else {
            return self.add_ca(plan, &following(now));
        };
        let Since { begins, value } = self.cas.remove(position);
        // Certificates of the registration authority that were planned until then are of the CA that ends now.
        self.registrations.retain(|one| one.begins <= now || one.begins > begins);
        let (from, until) = (value.certificate.not_before(), value.certificate.not_after());
        let (from, until) = (system_time(from)?, system_time(until)?);
        let value = if from <= now {
            value
        } else {
            let certificate = CaCertificate {
                valid_from: Some(now),
                valid_for: until.duration_since(from).ok(),
                ..CaCertificate::default()
            };
            let validity = validity(plan.personality.ca.validity, &certificate);
            let subject = value.certificate.subject_name();
            plan.ca(subject, &value.key, self.issuers.first(), validity, now)?
        };
        self.insert_ca(plan, Since { begins: now, value })
    }

    /// Inserts a CA, and certificates of it for the registration authority with the keys that this has at the time.
    fn insert_ca(&mut self, plan: &Plan<'_>, ca: Since<Identity>) -> Result<(), PlanError> {
        let begins = ca.begins;
        let profiles = plan.personality.registration.as_ref();
        if let (Some(profiles), Some(last)) = (profiles, Since::at(&self.registrations, begins)) {
            let keys = Registration {
                signing: last.value.signing.key.clone(),
                encryption: last.value.encryption.key.clone(),
            };
            let certificate = CaCertificate {
                valid_from: Some(begins),
                valid_for: plan.hierarchy.registration.valid_for,
                ..CaCertificate::default()
            };
            let round = self.registrations.len();
            let value =
                plan.registration(profiles, &ca.value, &keys, &certificate, begins, round)?;
            self.registrations.push(Since { begins, value });
            self.registrations.sort_by_key(|one| one.begins);
        }
        self.cas.push(ca);
        self.cas.sort_by_key(|one| one.begins);
        Ok(())
    }

    /// Adds the renewed certificates of the registration authority.
    fn renew_registration(&mut self, plan: &Plan<'_>) -> Result<(), PlanError> {
        let registration = &plan.hierarchy.registration;
        let (Some(profiles), Some(next), Some(last)) =
            (&plan.personality.registration, &registration.next, self.registrations.last())
        else {
            return Ok(());
        };
        let Some(ca) = Since::at(&self.cas, next.from) else { return Ok(()) };
        let keys = match next.key {
            NextKey::Same => Registration {
                signing: last.value.signing.key.clone(),
                encryption: last.value.encryption.key.clone(),
            },
            NextKey::New => Registration {
                signing: plan.keys.key(Role::NextRegistrationSigning, KEY_BITS)?,
                encryption: plan.keys.key(Role::NextRegistrationEncryption, KEY_BITS)?,
            },
        };
        let certificate = CaCertificate {
            valid_from: Some(next.from),
            valid_for: next.valid_for.or(registration.valid_for),
            ..CaCertificate::default()
        };
        let round = self.registrations.len();
        let value =
            plan.registration(profiles, &ca.value, &keys, &certificate, next.from, round)?;
        self.registrations.push(Since { begins: next.from, value });
        Ok(())
    }
}

/// A CA that follows at this moment, with a new key and everything else as before.
fn following(from: SystemTime) -> NextCa {
    NextCa { from, announced: None, subject: None, key: NextKey::New, valid_for: None }
}
