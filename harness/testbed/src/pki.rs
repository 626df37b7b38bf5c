//! The second seam: a PKI, as a scenario sees it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use scep::http::{HttpRequest, HttpResponse};
use thiserror::Error;

use model::lab::Secret;
use model::scenario::seen::SeenFact;

/// A certificate that a PKI issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The serial number in capital hexadecimal digits.
    pub serial: String,
    /// The subject in one line, as OpenSSL prints it: `CN = MyUserCert`.
    pub subject: String,
}

/// What became of the oldest request that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It was decided as asked for.
    Decided {
        /// The subject of the request, in one line.
        subject: String,
    },
    /// No request waits; one may still arrive.
    NothingPending,
}

/// What came of an HTTP request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchanged {
    /// A response, whatever its status.
    Answered(HttpResponse),
    /// None: the connection ended, or the time, for this reason.
    Unanswered(String),
}

/// A request that came to a PKI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenRequest {
    /// What there is to say of it; what is not in here is `absent`.
    pub facts: BTreeMap<SeenFact, String>,
}

impl SeenRequest {
    /// The value of a fact; `absent` where there is nothing of it.
    pub fn value(&self, fact: SeenFact) -> &str {
        self.facts.get(&fact).map_or("absent", String::as_str)
    }
}

/// A fault that a PKI was told to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCount {
    /// The rule: `on: PKCSReq, do: wrong-recipient-nonce`.
    pub rule: String,
    /// At how many requests it happened.
    pub fired: u32,
}

/// Something that issues certificates: the mock CA, or a real one.
#[async_trait]
pub trait Pki: Send + Sync {
    /// Issues the certificate of the oldest pending request.
    async fn approve(&self) -> Result<Decision, PkiError> {
        Err(PkiError::NotSupported { what: "approving requests".to_owned() })
    }

    /// Refuses the oldest pending request.
    async fn deny(&self) -> Result<Decision, PkiError> {
        Err(PkiError::NotSupported { what: "denying requests".to_owned() })
    }

    /// Sends an HTTP request to the PKI's SCEP service, `suffix` being appended to its path.
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let _ = (request, suffix);
        Err(PkiError::NotSupported { what: "being spoken to in SCEP itself".to_owned() })
    }

    /// Whether a challenge password is asked for; making one to find out would use it up.
    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(true)
    }

    /// A challenge password with which a request will pass; none where the PKI asks for none.
    ///
    /// Requests that are wrong on purpose are `expendable`: they should be refused whatever their password, and may share
    /// one where each serves once.
    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError> {
        let _ = expendable;
        Err(PkiError::NotSupported { what: "giving out challenge passwords".to_owned() })
    }

    /// A request was refused, and most likely has not used up its password.
    async fn challenge_unused(&self, challenge: Secret) -> Result<(), PkiError> {
        drop(challenge);
        Ok(())
    }

    /// An expendable request was granted all the same, and its password is used up.
    async fn expendable_granted(&self) -> Result<(), PkiError> {
        Ok(())
    }

    /// The certificates that were issued to clients in this lab, oldest first; not its own, nor those of its RAs.
    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        Err(PkiError::NotSupported { what: "listing issued certificates".to_owned() })
    }

    /// Where clients reach its SCEP service: `http://host:port/path`.
    async fn url(&self) -> Result<String, PkiError> {
        Err(PkiError::NotSupported { what: "being reached by a client under test".to_owned() })
    }

    /// The certificate of the CA in PEM, as it is known beforehand (RFC 8894 §2.2).
    async fn ca_certificate(&self) -> Result<String, PkiError> {
        Err(PkiError::NotSupported { what: "giving out its certificate".to_owned() })
    }

    /// The requests that came, oldest first.
    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        Err(PkiError::NotSupported { what: "telling what was asked of it".to_owned() })
    }

    /// The faults that it was told to commit, and how often each happened.
    async fn faults(&self) -> Result<Vec<FaultCount>, PkiError> {
        Ok(Vec::new())
    }

    /// How many requests of clients it has denied so far; what a fault answered instead is no denial.
    async fn denied(&self) -> Result<usize, PkiError> {
        Ok(0)
    }

    /// What the PKI did, one line a request, newest last; empty where it does not tell.
    async fn log(&self) -> Vec<String> {
        Vec::new()
    }

    /// Waits until the PKI breaks by itself, and tells how; for ever where it does not.
    async fn broken(&self) -> String {
        std::future::pending().await
    }
}

/// Why a PKI did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PkiError {
    /// The PKI cannot do this at all; the scenario is skipped with this reason.
    #[error("the PKI does not support {what}")]
    NotSupported {
        /// What was asked for.
        what: String,
    },
    /// The PKI cannot be reached or broke; the lab is at fault.
    #[error("the PKI broke: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
}
