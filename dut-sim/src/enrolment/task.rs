//! The task of one request: its enrolment, and then the renewals that fall due.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509Ref;
use parking_lot::Mutex;
use scep::clock::{moment_text, system_time};
use scep::identity::Identity;
use scep::secret::Secret;

use super::EnrolmentContext;
use super::builtin::Builtin;
use super::flash::Contents;
use super::journal::Journal;
use super::order::{Failure, Order};
use super::pause::GrowingPause;
use super::program;
use super::progress::Phase;
use super::request::{Request, left_until};
use crate::config::system::CsrSettings;
use crate::config::value::RenewalKey;

/// The task of one request.
pub(super) struct Task {
    settings: CsrSettings,
    request: Arc<Request>,
    /// A key that was made for a try which ended before anything was requested for it. The next try takes it: making one costs more
    /// than all the rest, and a device may try each day for years.
    unused_key: Mutex<Option<PKey<Private>>>,
}

/// What a task begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// The first enrolment.
    Enrolment,
    /// A renewal that the operator asked for, or that was under way at a restart.
    Renewal,
    /// A certificate that there is already.
    Waiting,
}

impl Begin {
    /// What the task of a request begins with after a restart.
    pub(super) fn after_restart(request: &Request) -> Self {
        let progress = request.progress.lock();
        let tried = request.tries.load(Ordering::Relaxed) > 0;
        match (&progress.phase, &progress.renewal) {
            (Phase::Issued(_), Some(Phase::UnderWay | Phase::Pending)) => Self::Renewal,
            // A renewal that was due is tried again after its pause.
            (Phase::Issued(_), Some(Phase::Retrying { .. })) if !tried => Self::Renewal,
            (Phase::Issued(_), _) => Self::Waiting,
            _ => Self::Enrolment,
        }
    }
}

impl Task {
    pub(super) fn new(settings: CsrSettings, request: Arc<Request>) -> Self {
        Self { settings, request, unused_key: Mutex::default() }
    }

    /// Enrols or renews, and then renews the certificate whenever that is due; ends if there is no certificate.
    pub(super) async fn run(self, begin: Begin) {
        let pause = self.context().retry_pause;
        let journal = self.journal(begin == Begin::Renewal, pause);
        let _ = match begin {
            Begin::Enrolment => self.enrol_first(journal).await,
            Begin::Renewal => self.attempt(journal, self.request.identity()).await,
            Begin::Waiting => Ok(()),
        };
        self.renew_when_due().await;
    }

    /// Asks for a first certificate. If that fails for good, it begins anew when the clock is set, because a wrong clock may be the reason.
    async fn enrol_first(&self, mut journal: Journal) -> Result<(), String> {
        loop {
            // Registered before the try, so that a clock that is set during the try counts.
            let clock_set = self.context().clock_set.notified();
            let failed = self.attempt(journal, None).await;
            if failed.is_ok() {
                return failed;
            }
            tokio::select! {
                () = self.context().timer.rest(None) => {}
                () = clock_set => {}
            }
            journal = self.journal(false, self.context().retry_pause);
            journal.log("begins anew, because the clock is set");
        }
    }

    /// Renews the certificate each time that it is due by the device's clock. After a failed try it pauses, longer each time; after
    /// the end of the certificate it asks for a first one.
    async fn renew_when_due(&self) {
        let (tries, mut announced) = (&self.request.tries, None);
        let timer = &self.context().timer;
        loop {
            // Registered before the settings are read, so that a commit in between also wakes.
            let woken = self.context().wake.notified();
            let changed = self.request.changed.notified();
            let Some(identity) = self.request.identity() else { return };
            let revoked = self.request.is_revoked(&identity.certificate);
            let due = self.request.renewal_due(&identity.certificate).filter(|_| !revoked);
            let Some(due) = due else {
                tokio::select! {
                    () = timer.rest(None) => {}
                    () = woken => {}
                    () = changed => {}
                }
                continue;
            };
            if let Some(left) = left_until(due, self.context().clock.now()) {
                if announced.replace(due) != Some(due) {
                    let moment = moment_text(due);
                    self.journal(true, self.context().retry_pause).log(&format!("due {moment}"));
                }
                tries.store(0, Ordering::Relaxed);
                // The clock may be moved meanwhile, so it is read again; the CA may be replaced, or may revoke the certificate.
                tokio::select! {
                    () = timer.rest(Some(left)) => {}
                    () = woken => {}
                    () = changed => {}
                }
                continue;
            }
            let before = tries.load(Ordering::Relaxed);
            if before > 0 {
                let pause = self.pause(before, &identity.certificate);
                tokio::select! {
                    () = timer.rest(Some(pause)) => {}
                    () = woken => {}
                    () = changed => {}
                }
            }
            let count = before.saturating_add(1);
            tries.store(count, Ordering::Relaxed);
            self.request.flash.write(|contents| contents.tries = count).await;
            self.try_to_renew(identity, count).await;
        }
    }

    /// Tries to renew the certificate; after its end, to get a first one.
    async fn try_to_renew(&self, identity: Identity, tries: u32) {
        let journal = self.journal(true, self.context().renewal_pause);
        let end = system_time(identity.certificate.not_after());
        let has_ended = end.is_ok_and(|end| end < self.context().clock.now());
        if has_ended {
            journal.log("the certificate has expired, so a first one is requested");
        }
        journal.enter(Phase::UnderWay);
        let pause = self.pause(tries, &identity.certificate);
        if let Err(reason) = self.attempt(journal, (!has_ended).then_some(identity)).await {
            self.journal(true, self.context().retry_pause).enter(Phase::Retrying { reason, pause });
        }
    }

    /// The pause after so many tries; at most until the end of the certificate, because then there is another way.
    fn pause(&self, tries: u32, certificate: &X509Ref) -> Duration {
        let pause = self.context().renewal_pause.after(tries);
        let end = system_time(certificate.not_after()).ok();
        let end = end.map(|end| end + Duration::from_secs(1));
        end.and_then(|end| left_until(end, self.context().clock.now()))
            .map_or(pause, |it| it.min(pause))
    }

    /// Runs until a certificate is issued or the enrolment has failed for good; then the error is the reason.
    async fn attempt(
        &self,
        mut journal: Journal,
        existing: Option<Identity>,
    ) -> Result<(), String> {
        let ended = self.enrol(&mut journal, existing).await;
        if journal.kept().is_some() {
            *self.unused_key.lock() = None;
        }
        let ca = self.request.progress.lock().ca.clone();
        match ended {
            Ok(identity) => {
                let issued = identity.clone();
                let change = move |contents: &mut Contents| {
                    (contents.ca, contents.identity) = (ca, Some(issued));
                    contents.kept = None;
                };
                // Before it is shown, and together with its key.
                self.request.flash.write(change).await;
                *self.request.kept.lock() = None;
                journal.enter(Phase::Issued(identity));
                self.request.changed.notify_waiters();
                Ok(())
            }
            Err(failure) => {
                self.request.flash.write(|contents| contents.kept = None).await;
                *self.request.kept.lock() = None;
                let reason = journal.masked(&failure.to_string());
                journal.log(&reason);
                journal.enter(Phase::Failed { reason: reason.clone() });
                Err(reason)
            }
        }
    }

    async fn enrol(
        &self,
        journal: &mut Journal,
        existing: Option<Identity>,
    ) -> Result<Identity, Failure> {
        let context = self.context();
        let program = context.client.find(context.program_path.as_deref())?;
        if program.is_some() && !self.settings.key.is_rsa() {
            return Err(Failure::KeyType { client: context.client });
        }
        let password = self.open_password()?;
        journal.mask(password.as_ref());
        let keeps_key = program.as_ref().is_some_and(|program| program.adapter.keeps_key)
            || self.request.upkeep.lock().renewal.key == RenewalKey::Same;
        let kept = self.request.kept.lock().as_ref().map(|kept| kept.key.clone());
        if program.is_some() && kept.is_some() {
            journal.limit(&format!(
                "the client `{}` does not go on with a request from before a restart: another one is made for its key",
                context.client
            ));
        }
        let key = match (kept, &existing) {
            (Some(kept), _) => kept,
            (None, Some(existing)) if keeps_key => existing.key.clone(),
            // Nobody knows what a program has sent.
            _ if program.is_some() => self.new_key().await?,
            _ => self.unused_or_new_key().await?,
        };
        journal.keep_key(&key).await;
        let announced = self.request.progress.lock().announced.clone();
        let order = Order { settings: self.settings.clone(), password, key, existing, announced };
        let certificate = match &program {
            Some(program) => program::enrol(program, &order, journal).await?,
            None => Builtin::new(&order, journal).enrol().await?,
        };
        Ok(Identity { certificate, key: order.key })
    }

    async fn unused_or_new_key(&self) -> Result<PKey<Private>, Failure> {
        let unused = self.unused_key.lock().clone();
        let key = match unused {
            Some(key) => key,
            None => self.new_key().await?,
        };
        *self.unused_key.lock() = Some(key.clone());
        Ok(key)
    }

    async fn new_key(&self) -> Result<PKey<Private>, Failure> {
        self.context().keys.next(self.settings.key).await.map_err(Failure::Key)
    }

    fn open_password(&self) -> Result<Option<Secret>, Failure> {
        let Some(sealed) = &self.settings.password else { return Ok(None) };
        self.context().secrets.open(sealed).map(Some).ok_or(Failure::PasswordSealed)
    }

    fn journal(&self, renews: bool, pause: GrowingPause) -> Journal {
        Journal::new(&self.request, renews, pause)
    }

    fn context(&self) -> &EnrolmentContext {
        &self.request.context
    }
}
