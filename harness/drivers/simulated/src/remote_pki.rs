//! A PKI in another process, behind the harness's seam: every question about it travels, and so does every answer.
//!
//! The way there is a [`PkiLine`], whatever it runs over; at its other end [`answer`] puts the question to the PKI itself.

#[cfg(target_os = "linux")]
mod desk;
mod question;

use std::time::Duration;

use async_trait::async_trait;
use scep::http::HttpRequest;

#[cfg(target_os = "linux")]
pub use self::desk::{Desk, Pkis};
pub use self::question::{PkiAnswer, PkiQuestion, answer};
use model::lab::Secret;
use testbed::pki::{
    Decision, Exchanged, FaultCount, IssuedCertificate, Pki, PkiError, SeenRequest,
};

/// How long a PKI may take for one answer, the way there and back included.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The same where it has to wait for an answer of its SCEP service, which may take as long by itself.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(60);

/// The way to one PKI in another process.
#[async_trait]
pub trait PkiLine: Send + Sync {
    /// Brings a question there and the answer back, in no more time than [`PkiQuestion::limit`] says.
    async fn ask(&self, question: PkiQuestion) -> Result<PkiAnswer, PkiError>;

    /// Waits until the PKI, or the way to it, is broken, and tells how.
    async fn broken(&self) -> String;
}

/// A PKI at the other end of a line.
pub struct RemotePki<L> {
    line: L,
}

impl<L: PkiLine> RemotePki<L> {
    /// The PKI that this line leads to.
    pub fn new(line: L) -> Self {
        Self { line }
    }
}

/// Asks, and takes the one kind of answer that fits.
macro_rules! asked {
    ($pki:ident, $question:expr, $answer:ident) => {
        match $pki.line.ask($question).await? {
            PkiAnswer::$answer(answer) => Ok(answer),
            _ => Err(misfit()),
        }
    };
}

#[async_trait]
impl<L: PkiLine> Pki for RemotePki<L> {
    async fn approve(&self) -> Result<Decision, PkiError> {
        asked!(self, PkiQuestion::Approve, Decision)
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        asked!(self, PkiQuestion::Deny, Decision)
    }

    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let question =
            PkiQuestion::Exchange { request: request.clone(), suffix: suffix.to_owned() };
        asked!(self, question, Exchanged)
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        asked!(self, PkiQuestion::AsksForChallenge, AsksForChallenge)
    }

    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError> {
        asked!(self, PkiQuestion::Challenge { expendable }, Challenge)
    }

    async fn challenge_unused(&self, challenge: Secret) -> Result<(), PkiError> {
        asked!(self, PkiQuestion::ChallengeUnused(challenge), Noted)
    }

    async fn expendable_granted(&self) -> Result<(), PkiError> {
        asked!(self, PkiQuestion::ExpendableGranted, Noted)
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        asked!(self, PkiQuestion::Issued, Issued)
    }

    async fn url(&self) -> Result<String, PkiError> {
        asked!(self, PkiQuestion::Url, Text)
    }

    async fn ca_certificate(&self) -> Result<String, PkiError> {
        asked!(self, PkiQuestion::CaCertificate, Text)
    }

    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        asked!(self, PkiQuestion::Seen, Seen)
    }

    async fn faults(&self) -> Result<Vec<FaultCount>, PkiError> {
        asked!(self, PkiQuestion::Faults, Faults)
    }

    async fn denied(&self) -> Result<usize, PkiError> {
        asked!(self, PkiQuestion::Denied, Count)
    }

    async fn log(&self) -> Vec<String> {
        let told: Result<Vec<String>, PkiError> =
            async { asked!(self, PkiQuestion::Log, Log) }.await;
        told.unwrap_or_else(|error| vec![error.to_string()])
    }

    async fn broken(&self) -> String {
        self.line.broken().await
    }
}

fn misfit() -> PkiError {
    PkiError::Broken { reason: "an answer came that fits no question".to_owned() }
}

#[cfg(test)]
mod tests;
