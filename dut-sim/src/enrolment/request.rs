//! What the parts of the enrolment service share about one certificate request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use openssl::x509::X509Ref;
use parking_lot::Mutex;
use scep::certificate::is_issued_by;
use scep::identity::Identity;
use tokio::sync::Notify;

use super::EnrolmentContext;
use super::flash::{Contents, Flash, Kept};
use super::progress::{Phase, Progress};
use super::schedule;
use crate::config::system::Upkeep;

/// The time from now until a moment; `None` if it has come.
pub(super) fn left_until(moment: SystemTime, now: SystemTime) -> Option<Duration> {
    moment.duration_since(now).ok().filter(|left| !left.is_zero())
}

/// One certificate request of the device.
pub(super) struct Request {
    pub(super) name: String,
    pub(super) context: Arc<EnrolmentContext>,
    pub(super) progress: Mutex<Progress>,
    /// The settings that a commit changes without a new enrolment.
    pub(super) upkeep: Mutex<Upkeep>,
    /// Tries to renew the certificate since it is due.
    pub(super) tries: AtomicU32,
    /// Ends the pause before the next poll.
    pub(super) poll: Notify,
    /// Wakes the tasks of this request when the certificate, its revocation or the CA has changed.
    pub(super) changed: Notify,
    /// What an enrolment or a renewal under way goes on with after a restart.
    pub(super) kept: Mutex<Option<Kept>>,
    pub(super) flash: Flash,
}

impl Request {
    pub(super) fn new(name: &str, context: &Arc<EnrolmentContext>, upkeep: &Upkeep) -> Arc<Self> {
        Self::with(name, context, upkeep, Contents::default())
    }

    /// The request that the flash has of this one after a power cut; `None` if it has neither a key nor a certificate.
    pub(super) fn after_power_cut(&self) -> Option<Arc<Self>> {
        let contents = self.flash.contents();
        if contents.identity.is_none() && contents.kept.is_none() {
            return None;
        }
        Some(Self::with(&self.name, &self.context, &self.upkeep.lock(), contents))
    }

    fn with(
        name: &str,
        context: &Arc<EnrolmentContext>,
        upkeep: &Upkeep,
        contents: Contents,
    ) -> Arc<Self> {
        let Contents { ca, identity, next_ca, announced, kept, tries } = contents.clone();
        let renewal = identity.is_some().then_some(Phase::UnderWay).filter(|_| kept.is_some());
        let phase = identity.map(Phase::Issued).unwrap_or_default();
        let progress = Progress { ca, phase, renewal, next_ca, announced, ..Progress::default() };
        Arc::new(Self {
            name: name.to_owned(),
            context: Arc::clone(context),
            progress: Mutex::new(progress),
            upkeep: Mutex::new(upkeep.clone()),
            tries: tries.into(),
            poll: Notify::new(),
            changed: Notify::new(),
            kept: Mutex::new(kept),
            flash: Flash::with(contents, context.flash_write_time),
        })
    }

    /// Writes to the flash all that the device knows, before it restarts.
    pub(super) fn write_all(&self) {
        let progress = self.progress.lock();
        let identity = match &progress.phase {
            Phase::Issued(identity) => Some(identity.clone()),
            _ => None,
        };
        self.flash.replace(Contents {
            ca: progress.ca.clone(),
            identity,
            next_ca: progress.next_ca.clone(),
            announced: progress.announced.clone(),
            kept: self.kept.lock().clone(),
            tries: self.tries.load(Ordering::Relaxed),
        });
    }

    /// The certificate with its key, if there is one.
    pub(super) fn identity(&self) -> Option<Identity> {
        match &self.progress.lock().phase {
            Phase::Issued(identity) => Some(identity.clone()),
            _ => None,
        }
    }

    /// True if the list of the CA names the certificate as revoked.
    pub(super) fn is_revoked(&self, certificate: &X509Ref) -> bool {
        self.progress.lock().revocation.entry(certificate).is_some()
    }

    /// The moment at which the certificate is to be renewed: the configured one, or now if the CA has been replaced by its next one.
    pub(super) fn renewal_due(&self, certificate: &X509Ref) -> Option<SystemTime> {
        let due = schedule::due(&self.upkeep.lock().renewal, certificate)?;
        let now = self.context.clock.now();
        Some(if self.is_of_the_ca_before(certificate) { due.min(now) } else { due })
    }

    /// True if the CA of today was announced by the one that has issued the certificate.
    fn is_of_the_ca_before(&self, certificate: &X509Ref) -> bool {
        let progress = self.progress.lock();
        let Some(ca) = &progress.ca else { return false };
        ca.ca.iter().any(|one| progress.announced.contains(one))
            && !ca.ca.iter().any(|one| is_issued_by(certificate, one))
    }

    /// Adds a line about the request to the device's log, with passwords masked.
    pub(super) fn log(&self, line: &str) {
        let line = self.context.masker.lock().text(line);
        self.context.log(&format!("{}: {line}", self.name));
    }
}
