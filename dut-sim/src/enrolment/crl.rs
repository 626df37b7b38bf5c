//! The task that keeps a revocation list up to date: it fetches one for a certificate, again when that is due, and after failures with
//! growing pauses.

mod source;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openssl::x509::{X509, X509Ref};
use scep::certificate::{is_issued_by, serial_number};
use scep::clock::moment_text;
use scep::identity::Identity;
use scep::name::to_text;
use scep::revocation_list::RevocationList;

use self::source::{NoList, Source};
use super::request::Request;
use super::revocation::{Freshness, HeldList, Problem, Revocation, since};
use crate::config::system::CsrSettings;
use crate::config::value::CrlSource;

/// The task of one request; it ends with the request.
pub(super) struct ListKeeper {
    settings: CsrSettings,
    request: Arc<Request>,
    /// Failures since the last list came.
    failures: u32,
    /// The certificate for which the last list was fetched.
    tried_for: Option<X509>,
    /// The next try after a failure; none as long as another try would fail, too.
    next_try: NextTry,
}

/// When a list that is due is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextTry {
    Now,
    /// At this time of the device's timer.
    At(Duration),
    Never,
}

impl ListKeeper {
    pub(super) fn new(settings: CsrSettings, request: Arc<Request>) -> Self {
        Self { settings, request, tried_for: None, failures: 0, next_try: NextTry::Now }
    }

    /// Fetches lists as long as the configuration wants it and there is a certificate.
    pub(super) async fn run(mut self) {
        let request = Arc::clone(&self.request);
        loop {
            // Registered before the state is read, so that a change in between also wakes.
            let woken = request.context.wake.notified();
            let changed = request.changed.notified();
            let source = request.upkeep.lock().crl_check;
            let left = if let (Some(source), Some(identity)) = (source, request.identity()) {
                let left = self.left(source, &identity);
                if left == Some(Duration::ZERO) {
                    self.fetch(source, &identity).await;
                    continue;
                }
                left
            } else {
                self.forget(source);
                None
            };
            tokio::select! {
                () = request.context.timer.rest(left) => {}
                // After a commit or a change of the clock the reason may be gone.
                () = woken => self.next_try = NextTry::Now,
                () = changed => {}
            }
        }
    }

    /// The time until a list is fetched; `None` if that is never.
    fn left(&mut self, source: CrlSource, identity: &Identity) -> Option<Duration> {
        let mut progress = self.request.progress.lock();
        let revocation = &mut progress.revocation;
        let held = revocation.held.as_ref().filter(|it| it.is_about(&identity.certificate));
        if revocation.source != Some(source) || (revocation.held.is_some() && held.is_none()) {
            *revocation = Revocation { source: Some(source), ..Revocation::default() };
            self.failures = 0;
            return Some(Duration::ZERO);
        }
        let due = held.map(HeldList::due);
        let until_due = due.and_then(|due| due.duration_since(self.now()).ok());
        if let Some(left) = until_due.filter(|left| !left.is_zero()) {
            return Some(left);
        }
        match self.next_try {
            NextTry::Now => Some(Duration::ZERO),
            // Another certificate may name another distribution point.
            _ if self.tried_for.as_ref() != Some(&identity.certificate) => Some(Duration::ZERO),
            NextTry::Never => None,
            NextTry::At(moment) => {
                Some(moment.saturating_sub(self.request.context.timer.elapsed()))
            }
        }
    }

    /// Drops the list if nothing is to be checked.
    fn forget(&mut self, source: Option<CrlSource>) {
        self.failures = 0;
        self.next_try = NextTry::Now;
        let mut progress = self.request.progress.lock();
        let was_checked = progress.revocation.source.is_some();
        progress.revocation = Revocation { source, ..Revocation::default() };
        drop(progress);
        if was_checked {
            self.request.context.changed();
        }
    }

    async fn fetch(&mut self, source: CrlSource, identity: &Identity) {
        self.tried_for = Some(identity.certificate.clone());
        let lists = Source { settings: &self.settings, request: &self.request };
        let fetched = match source {
            CrlSource::Scep => lists.by_get_crl(identity).await,
            CrlSource::DistributionPoint => lists.by_http(&identity.certificate).await,
        };
        let checked = fetched.and_then(|(list, from)| Ok(self.checked(list, from, identity)?));
        let problem = match checked {
            Ok(held) => self.take(held, identity),
            Err(failure) => Some(failure),
        };
        let problem = problem.map(|failure| self.problem(failure));
        self.request.progress.lock().revocation.problem = problem;
        self.request.context.changed();
        self.request.changed.notify_waiters();
    }

    /// The list, if it is one of the CA that has issued the certificate and is about it, and its dates fit.
    fn checked(
        &self,
        list: RevocationList,
        from: String,
        identity: &Identity,
    ) -> Result<HeldList, String> {
        let (progress, now) = (self.request.progress.lock(), self.now());
        let has_issued = |one: &&X509| is_issued_by(&identity.certificate, one);
        let mut authorities = progress.ca.iter().flat_map(|ca| &ca.ca);
        let issuer = authorities.find(has_issued).cloned().ok_or_else(|| {
            let issuer = to_text(identity.certificate.issuer_name());
            format!("the CA's certificate of `{issuer}`, by which the certificate is issued, is not here any more")
        })?;
        list.check_issuer(&issuer)
            .map_err(|reason| format!("the revocation list by {from} is refused: {reason}"))?;
        list.check_about(&identity.certificate)
            .map_err(|reason| format!("the revocation list by {from} is refused: {reason}"))?;
        if now < list.this_update() {
            return Err(format!(
                "the revocation list by {from} is refused: it begins at {}, and this clock shows {}",
                moment_text(list.this_update()),
                moment_text(now)
            ));
        }
        match &progress.revocation.held {
            Some(held) if list.this_update() < held.list.this_update() => Err(format!(
                "the revocation list by {from} is refused: it is of {}, and the one that is kept of {}",
                moment_text(list.this_update()),
                moment_text(held.list.this_update())
            )),
            _ => Ok(HeldList { list, from, fetched: now, issuer }),
        }
    }

    /// Keeps the list, and reports what it says; a failure if it has expired already.
    fn take(&mut self, held: HeldList, identity: &Identity) -> Option<NoList> {
        self.request.log(&format!("crl: {}", held.described()));
        let is_fresh = held.freshness(self.now()) == Freshness::Fresh;
        let expired = held.list.next_update().map(moment_text).unwrap_or_default();
        let mut progress = self.request.progress.lock();
        let ra = progress.ca.iter().flat_map(|ca| ca.ra.clone()).collect::<Vec<_>>();
        let before = std::mem::take(&mut progress.revocation.held);
        let before = Revocation { held: before, ..progress.revocation.clone() };
        progress.revocation.held = Some(held);
        let after = progress.revocation.clone();
        drop(progress);
        let own = &identity.certificate;
        self.report(
            own,
            "the certificate",
            "; it is not renewed, and `pki scep clear` asks for another",
            &before,
            &after,
        );
        for one in &ra {
            self.report(one, "the RA's certificate", "", &before, &after);
        }
        if is_fresh {
            self.failures = 0;
            self.next_try = NextTry::Now;
            return None;
        }
        Some(NoList::Failed(format!("the CA gives out a list that has expired at {expired}")))
    }

    /// Logs if the certificate is revoked now, or is not any more.
    fn report(
        &self,
        one: &X509Ref,
        what: &str,
        advice: &str,
        before: &Revocation,
        after: &Revocation,
    ) {
        let number = serial_number(one).unwrap_or_default();
        match (before.entry(one), after.entry(one)) {
            (None, Some(entry)) => self
                .request
                .log(&format!("crl: warning: {what} {number} is revoked {}{advice}", since(entry))),
            (Some(_), None) => {
                self.request.log(&format!("crl: {what} {number} is not revoked any more"));
            }
            _ => {}
        }
    }

    /// Logs the failure, and decides when the next try is.
    fn problem(&mut self, failure: NoList) -> Problem {
        self.failures = self.failures.saturating_add(1);
        let pause = match failure {
            NoList::Failed(_) => Some(self.request.context.renewal_pause.after(self.failures)),
            NoList::Impossible(_) => None,
        };
        let now = self.request.context.timer.elapsed();
        self.next_try = pause.map_or(NextTry::Never, |pause| NextTry::At(now + pause));
        let reason = self.request.context.masker.lock().text(&failure.into_reason());
        let problem = Problem { reason, pause };
        self.request.log(&format!("crl: {}", problem.text()));
        problem
    }

    fn now(&self) -> SystemTime {
        self.request.context.clock.now()
    }
}
