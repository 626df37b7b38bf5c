//! What an enrolment tells of itself: its phase, the protocol log, notes; no text of it shows the password.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use openssl::x509::X509Ref;
use parking_lot::Mutex;
use redact::{Masker, Secret};
use scep::client::CaCertificates;
use tokio::time::sleep;

use super::Surroundings;
use super::progress::{Phase, Progress, seconds};

/// Where one enrolment, or one renewal, writes how it goes.
pub(super) struct Journal {
    name: String,
    pub(super) surroundings: Arc<Surroundings>,
    progress: Arc<Mutex<Progress>>,
    /// A renewal leaves the certificate that is there as it is, until there is a new one.
    renews: bool,
    /// Keeps the password out of every text.
    pub(super) masker: Arc<Masker>,
    /// Tries since the CA last answered.
    tries: u32,
    /// How often the CA put the decision off.
    polls: u32,
}

impl Journal {
    pub(super) fn new(
        name: &str,
        surroundings: &Arc<Surroundings>,
        progress: &Arc<Mutex<Progress>>,
        renews: bool,
    ) -> Self {
        Self {
            name: name.to_owned(),
            surroundings: Arc::clone(surroundings),
            progress: Arc::clone(progress),
            renews,
            masker: Arc::default(),
            tries: 0,
            polls: 0,
        }
    }

    /// Keeps this out of every text from here on.
    pub(super) fn mask(&mut self, password: Option<&Secret>) {
        self.masker = Arc::new(Masker::new(password.cloned()));
    }

    pub(super) fn log(&self, line: &str) {
        let about = if self.renews { "renewal: " } else { "" };
        let line = format!("{}: {about}{}", self.name, self.masked(line));
        self.surroundings.log.add(&line);
    }

    /// Says once what a reader of the result must know of the client.
    pub(super) fn note(&self, note: &str) {
        if self.surroundings.notes.add(note) {
            self.log(&format!("note: {note}"));
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let mut progress = self.progress.lock();
        match phase {
            Phase::Issued(_) => {
                progress.renewal = None;
                progress.phase = phase;
            }
            _ if self.renews => progress.renewal = Some(phase),
            _ => progress.phase = phase,
        }
        drop(progress);
        self.surroundings.changed();
    }

    /// Keeps the CA's certificates even where they were found wanting: the operator may see why.
    pub(super) fn keep_ca(&self, ca: Option<&CaCertificates>) {
        let mut progress = self.progress.lock();
        if ca.is_some() || !self.renews {
            progress.ca = ca.cloned();
        }
        drop(progress);
        self.enter(Phase::UnderWay);
    }

    /// The server serves: the next trouble is the first one.
    pub(super) fn served(&mut self) {
        self.tries = 0;
    }

    /// Says why, and waits until the next try is due or the network may have changed.
    pub(super) async fn retry_later(&mut self, reason: &str, woken: impl Future) {
        self.tries = self.tries.saturating_add(1);
        let pause = self.surroundings.retry_pause.after(self.tries);
        let reason = self.masked(reason);
        self.log(&format!("{reason}, next try in {}", seconds(pause)));
        self.enter(Phase::Retrying { reason, pause });
        tokio::select! {
            () = sleep(pause) => {}
            _ = pin!(woken) => {}
        }
    }

    pub(super) async fn wait_for_decision(&mut self, exchange: &str) {
        self.polls = self.polls.saturating_add(1);
        let pause = self.surroundings.poll_pause.after(self.polls);
        self.log(&format!("{exchange} was answered PENDING, next poll in {}", seconds(pause)));
        self.enter(Phase::Pending);
        sleep(pause).await;
    }

    pub(super) fn log_ca(&self, exchange: &str, ca: &CaCertificates) {
        let count = ca.ca.len() + ca.ra.len();
        let noun = if count == 1 { "certificate" } else { "certificates" };
        self.log(&format!("{exchange}: {count} {noun}"));
    }

    pub(super) fn log_issued(&self, exchange: &str, certificate: &X509Ref) {
        self.log(&format!("{exchange} was answered SUCCESS: {}", described(certificate)));
    }

    /// A text without the password.
    pub(super) fn masked(&self, text: &str) -> String {
        self.masker.text(text)
    }
}

/// A certificate in a few words: serial number and subject.
fn described(certificate: &X509Ref) -> String {
    let serial = scep::certificate::serial_number(certificate).unwrap_or_else(|_| "?".to_owned());
    let subject = scep::name::to_text(certificate.subject_name());
    format!("certificate {serial}, `{subject}`")
}

/// A pause that doubles from the first to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowingPause {
    /// Before the second try.
    pub first: Duration,
    /// It never grows beyond this.
    pub longest: Duration,
}

impl GrowingPause {
    /// The pause after so many tries.
    pub(crate) fn after(self, tries: u32) -> Duration {
        let factor = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let seconds = Duration::from_secs;
        let pause = GrowingPause { first: seconds(1), longest: seconds(60) };
        let pauses = [1, 2, 3, 7, 40, u32::MAX].map(|tries| pause.after(tries));
        assert_eq!(pauses, [1, 2, 4, 60, 60, 60].map(seconds));
    }
}
