//! Reports an enrolment's phase, log lines and notes, with the password masked.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openssl::pkey::{PKey, Private};
use openssl::x509::X509Ref;
use redact::{Masker, Secret};
use scep::client::{CaCertificates, Exchange, PendingRequest};
use scep::clock::later;
use scep::request::differences;

use super::EnrolmentContext;
use super::flash::{Contents, Kept};
use super::order::{Failure, Order};
use super::pause::{GrowingPause, seconds};
use super::progress::{NextCa, Phase};
use super::request::{Request, left_until};
use super::trust::change_of_ca;

/// Reports of one enrolment or one renewal.
pub(super) struct Journal {
    request: Arc<Request>,
    pub(super) context: Arc<EnrolmentContext>,
    /// True for a renewal, which keeps the old certificate until there is a new one.
    renews: bool,
    /// Pause between tries to reach the server.
    pause: GrowingPause,
    /// Masks the passwords in every text.
    pub(super) masker: Arc<Masker>,
    /// Tries since the CA last answered.
    tries: u32,
    /// Number of PENDING answers.
    polls: u32,
}

impl Journal {
    pub(super) fn new(request: &Arc<Request>, renews: bool, pause: GrowingPause) -> Self {
        Self {
            request: Arc::clone(request),
            context: Arc::clone(&request.context),
            renews,
            pause,
            masker: Arc::default(),
            tries: 0,
            polls: 0,
        }
    }

    /// Masks this password, and those of the device's earlier enrolments, in every text from now on.
    pub(super) fn mask(&mut self, password: Option<&Secret>) {
        let mut known = self.context.masker.lock();
        *known = known.with(password.cloned());
        self.masker = Arc::new(known.clone());
    }

    pub(super) fn log(&self, line: &str) {
        let about = if self.renews { "renewal: " } else { "" };
        let line = format!("{}: {about}{}", self.request.name, self.masked(line));
        self.context.log(&line);
    }

    /// Adds a note on the client for the reader of the result; a repeated note is ignored.
    pub(super) fn note(&self, note: &str) {
        if self.context.notes.add(&self.masked(note)) {
            self.log(&format!("note: {note}"));
        }
    }

    /// Reports that the client cannot do what the configuration or a reply asks for; a repeated report is ignored.
    pub(super) fn limit(&self, limit: &str) {
        if self.context.limits.add(limit) {
            self.log(&format!("note: {limit}"));
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let mut progress = self.request.progress.lock();
        match phase {
            Phase::Issued(_) => {
                progress.renewal = None;
                progress.phase = phase;
            }
            _ if self.renews => progress.renewal = Some(phase),
            _ => progress.phase = phase,
        }
        drop(progress);
        self.context.changed();
    }

    /// Stores the CA's certificates even if they were refused, so that the operator can see them.
    pub(super) fn store_ca(&self, ca: Option<&CaCertificates>) {
        let now = self.context.clock.now();
        let mut progress = self.request.progress.lock();
        let change = match (&progress.ca, ca) {
            (Some(known), Some(ca)) => change_of_ca(known, ca, &progress.announced, now),
            _ => None,
        };
        if let Some(ca) = ca {
            // Its day has come early, or this clock is behind.
            let is_here = |next: &NextCa| {
                let issuer = next.certificates.issuer(now);
                ca.ca.iter().any(|one| **one == *issuer)
            };
            progress.next_ca.take_if(|next| is_here(next));
        }
        if ca.is_some() || !self.renews {
            progress.ca = ca.cloned();
        }
        drop(progress);
        if let Some(change) = change {
            self.log(&change);
        }
        self.enter(Phase::UnderWay);
    }

    /// Resets the retry count after a proper answer of the server.
    pub(super) fn reset_retries(&mut self) {
        self.tries = 0;
    }

    /// The number of tries since the server last answered properly.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// Logs the reason, and waits until the next try is due or the network may have changed, but not longer than until the certificate that
    /// signs the request `ends`.
    ///
    /// # Errors
    /// If that certificate has ended.
    pub(super) async fn retry_later(
        &mut self,
        reason: &str,
        woken: impl Future,
        ends: Option<SystemTime>,
    ) -> Result<(), Failure> {
        self.tries = self.tries.saturating_add(1);
        let pause = self.pause.after(self.tries);
        let ends = ends.map(|ends| later(ends, Duration::from_secs(1)));
        let left = ends.and_then(|ends| left_until(ends, self.context.clock.now()));
        let pause = left.map_or(pause, |left| left.min(pause));
        let reason = self.masked(reason);
        self.log(&format!("{reason}, next try in {}", seconds(pause)));
        self.enter(Phase::Retrying { reason, pause });
        tokio::select! {
            () = self.context.timer.rest(Some(pause)) => {}
            _ = pin!(woken) => {}
        }
        if ends.is_some_and(|ends| left_until(ends, self.context.clock.now()).is_none()) {
            return Err(Failure::SignerEnded);
        }
        Ok(())
    }

    pub(super) async fn wait_for_decision(&mut self, exchange: &Exchange) {
        self.polls = self.polls.saturating_add(1);
        let pause = self.context.poll_pause.after(self.polls);
        self.log(&format!("{exchange} was answered PENDING, next poll in {}", seconds(pause)));
        let request = Arc::clone(&self.request);
        let asked = request.poll.notified();
        self.enter(Phase::Pending);
        tokio::select! {
            () = self.context.timer.rest(Some(pause)) => {}
            () = asked => {}
        }
    }

    /// Keeps the key to be certified for the time after a restart.
    pub(super) async fn keep_key(&self, key: &PKey<Private>) {
        let kept = self.request.kept.lock().clone();
        let kept = kept.unwrap_or_else(|| Kept { key: key.clone(), request: None });
        self.write(kept).await;
    }

    /// Keeps the request that is sent next or pending for the time after a restart.
    pub(super) async fn keep(&self, request: Option<PendingRequest>) {
        let kept = self.request.kept.lock().clone();
        let (Some(kept), Some(request)) = (kept, request) else { return };
        let was_answered = kept.request.as_ref().is_some_and(PendingRequest::is_answered);
        let new = Kept { request: Some(request), ..kept };
        if was_answered && new.request.as_ref().is_some_and(PendingRequest::is_answered) {
            // A further poll of the same request changes nothing that matters.
            return;
        }
        self.write(new).await;
    }

    async fn write(&self, kept: Kept) {
        let (ca, copy) = (self.request.progress.lock().ca.clone(), kept.clone());
        let change = move |contents: &mut Contents| {
            contents.kept = Some(copy);
            // The certificates of the CA belong to the certificate that there is, or to the request if there is none yet.
            if contents.identity.is_none() {
                contents.ca = ca;
            }
        };
        self.request.flash.write(change).await;
        *self.request.kept.lock() = Some(kept);
    }

    /// The request from before a restart.
    pub(super) fn kept(&self) -> Option<PendingRequest> {
        self.request.kept.lock().as_ref()?.request.clone()
    }

    pub(super) fn log_ca(&self, exchange: &Exchange, ca: &CaCertificates) {
        let count = ca.ca.len() + ca.ra.len();
        let noun = if count == 1 { "certificate" } else { "certificates" };
        self.log(&format!("{exchange}: {count} {noun}"));
    }

    pub(super) fn log_issued(&self, exchange: &Exchange, order: &Order, certificate: &X509Ref) {
        self.log(&format!("{exchange} was answered SUCCESS: {}", described(certificate)));
        let Ok(subject) = scep::name::parse(&order.settings.distinguished_name) else { return };
        let extensions = order.extensions().unwrap_or_default();
        for difference in differences(&subject, &extensions, certificate, self.context.clock.now())
        {
            self.log(&format!("warning: {difference}"));
        }
    }

    /// The text with the password masked.
    pub(super) fn masked(&self, text: &str) -> String {
        self.masker.text(text)
    }
}

/// Short description of a certificate: serial number and subject.
fn described(certificate: &X509Ref) -> String {
    let serial = scep::certificate::serial_number(certificate).unwrap_or_else(|_| "?".to_owned());
    let subject = scep::name::to_text(certificate.subject_name());
    format!("certificate {serial}, `{subject}`")
}
