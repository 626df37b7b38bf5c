//! What can be asked about a PKI, and what it answers: plain data that travels as JSON.

use std::time::Duration;

use scep::http::HttpRequest;
use serde::{Deserialize, Serialize};

use super::{ANSWER_LIMIT, EXCHANGE_LIMIT};
use model::lab::Secret;
use testbed::http_form::RequestForm;
use testbed::pki::{
    Decision, Exchanged, FaultCount, IssuedCertificate, Pki, PkiError, SeenRequest,
};

/// A question about a PKI: one for each method of the seam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PkiQuestion {
    /// A certificate for the oldest pending request.
    Approve,
    /// The refusal of the oldest pending request.
    Deny,
    /// What the SCEP service answers.
    Exchange {
        /// To this request.
        #[serde(with = "RequestForm")]
        request: HttpRequest,
        /// What is appended to its path.
        suffix: String,
    },
    /// Whether a challenge password is asked for.
    AsksForChallenge,
    /// A challenge password.
    Challenge {
        /// For a request that is to be refused.
        expendable: bool,
    },
    /// Nothing: this password was not used up.
    ChallengeUnused(Secret),
    /// Nothing: an expendable request was granted.
    ExpendableGranted,
    /// The certificates that were issued.
    Issued,
    /// Where its SCEP service is.
    Url,
    /// The certificate of the CA in PEM.
    CaCertificate,
    /// The requests that came.
    Seen,
    /// The faults that it commits.
    Faults,
    /// How many requests it denied.
    Denied,
    /// What it did.
    Log,
}

/// What a PKI answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PkiAnswer {
    /// To an approval or a refusal.
    Decision(Decision),
    /// To an exchange.
    Exchanged(Exchanged),
    /// Whether a challenge password is asked for.
    AsksForChallenge(bool),
    /// The challenge password, where there is one.
    Challenge(Option<Secret>),
    /// To what was only to be noted.
    Noted(()),
    /// The certificates, oldest first.
    Issued(Vec<IssuedCertificate>),
    /// The URL, or the certificate.
    Text(String),
    /// The requests, oldest first.
    Seen(Vec<SeenRequest>),
    /// The faults.
    Faults(Vec<FaultCount>),
    /// How many there are.
    Count(usize),
    /// The log, newest line last.
    Log(Vec<String>),
}

impl PkiQuestion {
    /// How long the answer is waited for.
    pub fn limit(&self) -> Duration {
        match self {
            Self::Exchange { .. } => EXCHANGE_LIMIT,
            _ => ANSWER_LIMIT,
        }
    }
}

/// Puts a question to a PKI.
///
/// # Errors
/// Those of the PKI: what it cannot do, and what it broke at.
pub async fn answer(pki: &dyn Pki, question: PkiQuestion) -> Result<PkiAnswer, PkiError> {
    Ok(match question {
        PkiQuestion::Approve => PkiAnswer::Decision(pki.approve().await?),
        PkiQuestion::Deny => PkiAnswer::Decision(pki.deny().await?),
        PkiQuestion::Exchange { request, suffix } => {
            PkiAnswer::Exchanged(pki.exchange(&request, &suffix).await?)
        }
        PkiQuestion::AsksForChallenge => {
            PkiAnswer::AsksForChallenge(pki.asks_for_challenge().await?)
        }
        PkiQuestion::Challenge { expendable } => {
            PkiAnswer::Challenge(pki.challenge(expendable).await?)
        }
        PkiQuestion::ChallengeUnused(challenge) => {
            PkiAnswer::Noted(pki.challenge_unused(challenge).await?)
        }
        PkiQuestion::ExpendableGranted => PkiAnswer::Noted(pki.expendable_granted().await?),
        PkiQuestion::Issued => PkiAnswer::Issued(pki.issued().await?),
        PkiQuestion::Url => PkiAnswer::Text(pki.url().await?),
        PkiQuestion::CaCertificate => PkiAnswer::Text(pki.ca_certificate().await?),
        PkiQuestion::Seen => PkiAnswer::Seen(pki.seen().await?),
        PkiQuestion::Faults => PkiAnswer::Faults(pki.faults().await?),
        PkiQuestion::Denied => PkiAnswer::Count(pki.denied().await?),
        PkiQuestion::Log => PkiAnswer::Log(pki.log().await),
    })
}
