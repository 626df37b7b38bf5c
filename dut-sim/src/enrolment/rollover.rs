//! The task that learns of the next CA and lets it take over on its day (RFC 8894 §4.7).

mod life;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openssl::x509::X509;
use scep::capabilities::{Capabilities, Capability};
use scep::certificate::serial_number;
use scep::client::{CaCertificates, Exchange};
use scep::clock::{later, moment_text};
use scep::http::{Method, Operation};
use scep::name::to_text;

use self::life::{announce, check_life, day, has_ended, share_of_life};
use super::ScepClient;
use super::pause::seconds;
use super::progress::NextCa;
use super::request::{Request, left_until};
use crate::config::system::CsrSettings;

/// The pause between two questions from then on.
const DAY: Duration = Duration::from_secs(86_400);
/// The shortest pause between two questions, so that CAs with very short lives do not keep the device busy.
const SHORTEST: Duration = Duration::from_secs(60);

/// The task of one request; it ends with the request.
pub(super) struct Rollover {
    settings: CsrSettings,
    request: Arc<Request>,
    /// The certificate after which the device has asked last.
    asked_for: Option<X509>,
    /// When it asked last, by its clock.
    asked: Option<SystemTime>,
    /// Tries since the server last answered.
    failures: u32,
}

/// Why the next CA is not known.
enum NoNextCa {
    /// The server has none yet, or does not offer the question.
    NotYet(String),
    /// The next try may succeed.
    Failed(String),
    /// The client cannot ask.
    Impossible(String),
}

impl From<String> for NoNextCa {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl Rollover {
    pub(super) fn new(settings: CsrSettings, request: Arc<Request>) -> Self {
        Self { settings, request, asked_for: None, asked: None, failures: 0 }
    }

    /// Asks as long as the configuration wants it and there is a certificate, and switches to the next CA on its day.
    pub(super) async fn run(mut self) {
        let request = Arc::clone(&self.request);
        loop {
            // Registered before the state is read, so that a change in between also wakes.
            let woken = request.context.wake.notified();
            let changed = request.changed.notified();
            self.switch_if_due().await;
            let until = self.next_moment();
            let left = until.map(|until| left_until(until, self.now()).unwrap_or_default());
            if left == Some(Duration::ZERO) {
                self.ask().await;
                continue;
            }
            tokio::select! {
                () = request.context.timer.rest(left) => {}
                // After a commit or a change of the clock the reason of a failure may be gone.
                () = woken => if std::mem::take(&mut self.failures) > 0 {
                    self.asked_for = None;
                },
                () = changed => {}
            }
        }
    }

    /// The moment at which something is to be done: the day of the next CA, or the next question for it.
    fn next_moment(&mut self) -> Option<SystemTime> {
        let wanted = self.request.upkeep.lock().rollover.is_some();
        let identity = self.request.identity();
        let progress = self.request.progress.lock();
        if let Some(next) = &progress.next_ca {
            return Some(next.from);
        }
        let (Some(identity), Some(ca), true) = (identity, &progress.ca, wanted) else {
            self.asked_for = None;
            return None;
        };
        let now = self.request.context.clock.now();
        if self.asked_for.as_ref() != Some(&identity.certificate) {
            return Some(now);
        }
        if self.request.context.client != ScepClient::Builtin {
            return None;
        }
        let asked = self.asked?;
        if self.failures > 0 {
            return Some(later(asked, self.request.context.renewal_pause.after(self.failures)));
        }
        let share = share_of_life(ca.issuer(now))?;
        let next = if asked < share { share } else { later(asked, DAY) };
        Some(next.max(later(asked, SHORTEST)))
    }

    /// Asks once, and keeps the answer.
    async fn ask(&mut self) {
        let Some(identity) = self.request.identity() else { return };
        (self.asked_for, self.asked) = (Some(identity.certificate), Some(self.now()));
        let kept = match self.next_ca().await {
            Ok(next) => self.keep(next).await,
            Err(reason) => Err(reason),
        };
        let mut problem = None;
        match kept {
            Ok(()) => self.failures = 0,
            Err(NoNextCa::NotYet(reason)) => {
                self.failures = 0;
                self.request.log(&format!("rollover: {reason}"));
            }
            Err(NoNextCa::Impossible(reason)) => {
                self.request.log(&format!("rollover: {reason}"));
                problem = Some(reason);
            }
            Err(NoNextCa::Failed(reason)) => {
                self.failures = self.failures.saturating_add(1);
                let pause = self.request.context.renewal_pause.after(self.failures);
                let reason = self.request.context.masker.lock().text(&reason);
                let text = format!("{reason}, next try in {}", seconds(pause));
                self.request.log(&format!("rollover: {text}"));
                problem = Some(text);
            }
        }
        self.request.progress.lock().rollover_problem = problem;
        self.request.context.changed();
    }

    /// The certificates of the next CA, signed by the current one.
    async fn next_ca(&self) -> Result<CaCertificates, NoNextCa> {
        let context = &self.request.context;
        if context.client != ScepClient::Builtin {
            let reason = format!(
                "the client `{}` does not ask by GetNextCACert, so a new CA is found at the renewal",
                context.client
            );
            context.limits.add(&reason);
            return Err(NoNextCa::Impossible(reason));
        }
        let server = context.server(&self.settings);
        let identifier = self.settings.ca_identifier.clone();
        let question = Operation::GetCaCaps(identifier.clone()).to_http(Method::Get);
        let answer = server.ask(&Exchange::GetCaCaps, &question).await?;
        let capabilities = Capabilities::parse(&answer.body);
        if answer.status != 200 || !capabilities.has(Capability::GetNextCaCert) {
            let text = "the CA does not offer GetNextCACert".to_owned();
            return Err(NoNextCa::NotYet(text));
        }
        let question = Operation::GetNextCaCert(identifier).to_http(Method::Get);
        let answer = server.ask(&Exchange::GetNextCaCert, &question).await?;
        if answer.status != 200 {
            let came = answer.answered();
            let text = format!("there is no next CA yet: {} {came}", Exchange::GetNextCaCert);
            return Err(NoNextCa::NotYet(text));
        }
        let ca = self.request.progress.lock().ca.clone();
        let ca = ca.ok_or_else(|| "the certificates of the CA are not known".to_owned())?;
        Ok(ca.read_next(&answer, self.now()).map_err(|refusal| refusal.to_string())?)
    }

    /// Keeps the next CA until its day.
    async fn keep(&self, certificates: CaCertificates) -> Result<(), NoNextCa> {
        let now = self.now();
        let (Some(today), next) =
            (self.request.progress.lock().ca.clone(), certificates.issuer(now))
        else {
            return Ok(());
        };
        if today.ca.iter().any(|one| **one == *next) {
            self.request.log("rollover: the CA names itself as the next one");
            return Ok(());
        }
        let from = day(today.issuer(now), next, now);
        check_life(next, now).map_err(|reason| {
            let subject = to_text(next.subject_name());
            NoNextCa::Failed(format!("the next CA `{subject}` is refused: {reason}"))
        })?;
        let text = format!(
            "rollover: the next CA is `{}`, certificate {}, from {} on",
            to_text(next.subject_name()),
            serial_number(next).unwrap_or_default(),
            moment_text(from)
        );
        let next = NextCa { certificates, from };
        let kept = next.clone();
        self.request
            .flash
            .write(move |contents| {
                announce(&mut contents.announced, &kept.certificates.ca);
                contents.next_ca = Some(kept);
            })
            .await;
        self.request.log(&text);
        let mut progress = self.request.progress.lock();
        announce(&mut progress.announced, &next.certificates.ca);
        progress.next_ca = Some(next);
        drop(progress);
        self.request.context.changed();
        Ok(())
    }

    /// Makes the next CA the CA if its day has come, also if that was while the device was off.
    async fn switch_if_due(&self) {
        let next = self.request.progress.lock().next_ca.clone();
        let Some(next) = next.filter(|next| next.from <= self.now()) else { return };
        let (now, day) = (self.now(), moment_text(next.from));
        let issuer = next.certificates.issuer(now);
        let subject = to_text(issuer.subject_name());
        let has_ended = has_ended(issuer, now);
        let ca = (!has_ended).then_some(next.certificates);
        let kept = ca.clone();
        self.request
            .flash
            .write(move |contents| {
                contents.ca = kept.or(contents.ca.take());
                contents.next_ca = None;
            })
            .await;
        self.request.log(&if has_ended {
            format!("rollover: the next CA `{subject}` is forgotten: its day was {day}, and its certificate has ended since")
        } else {
            format!("rollover: `{subject}` is the CA now; its day was {day}")
        });
        let mut progress = self.request.progress.lock();
        progress.ca = ca.or(progress.ca.take());
        progress.next_ca = None;
        drop(progress);
        self.request.context.changed();
        self.request.changed.notify_waiters();
    }

    fn now(&self) -> SystemTime {
        self.request.context.clock.now()
    }
}
