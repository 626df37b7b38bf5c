//! The contract for a PKI.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bundle::Role;
use recording::Recorder;
use scep::attribute::{FailInfo, PkiStatus};
use scep::http::{HttpRequest, HttpResponse};
use scep::identity::Identity;
use thiserror::Error;

use crate::no_answer::NoAnswer;
use model::lab::Secret;
use model::scenario::RevocationReason;
use model::scenario::seen::SeenFact;
pub use results::ServerState;

/// A certificate that a PKI has issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The serial number in capital hexadecimal digits.
    pub serial: String,
    /// Subject in one line, as OpenSSL prints it: `CN = MyUserCert`.
    pub subject: String,
    /// The last moment of its validity, if the PKI tells it.
    pub not_after: Option<SystemTime>,
    /// The certificate in DER, if the PKI gives it.
    pub der: Option<Vec<u8>>,
    /// The time of its revocation, if it is revoked and the PKI tells it.
    pub revoked: Option<SystemTime>,
}

/// The result of deciding about the oldest pending request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The request was granted or denied.
    Decided {
        /// Subject of the request, in one line.
        subject: String,
    },
    /// No request is pending; one may still arrive.
    NothingPending,
}

/// The answer to an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchanged {
    /// A response, whatever its status.
    Answered(HttpResponse),
    /// No response, because the connection ended or the time limit expired.
    Unanswered(NoAnswer),
    /// No response, and afterwards the server did not answer other requests either.
    Ended {
        /// The end of the exchange, and what a request met afterwards that the server had answered before.
        reason: NoAnswer,
        /// State of the server.
        state: ServerState,
    },
}

impl Exchanged {
    /// The response, or the reason why there is none.
    ///
    /// # Errors
    /// The reason why no answer came.
    pub fn response(self) -> Result<HttpResponse, NoAnswer> {
        match self {
            Self::Answered(response) => Ok(response),
            Self::Unanswered(reason) | Self::Ended { reason, .. } => Err(reason),
        }
    }
}

/// A request that a PKI received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenRequest {
    /// Known facts; a fact that the request does not have is missing.
    pub facts: BTreeMap<SeenFact, String>,
    /// The pkiStatus of the answer, if it is a CertRep.
    pub status: Option<PkiStatus>,
    /// The refusal, if the PKI refused it.
    pub refusal: Option<SeenRefusal>,
}

/// The refusal of a request, from the record of the PKI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRefusal {
    /// HTTP status of the answer.
    pub http_status: u16,
    /// The failInfo, if the answer is a CertRep.
    pub fail_info: Option<FailInfo>,
    /// Reason in words.
    pub reason: String,
    /// What is wrong with the challenge password, if that is the reason.
    pub password: Option<PasswordProblem>,
}

/// What is wrong with the challenge password of a refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProblem {
    /// It did not come, or it is another one than that of the PKI.
    NotThatOfThePki,
    /// It came, at a place where it authorises nothing.
    Misplaced,
}

impl SeenRequest {
    /// Value of a fact; none if the request does not have it.
    pub fn value(&self, fact: SeenFact) -> Option<&str> {
        self.facts.get(&fact).map(String::as_str)
    }

    /// The name of the exchange: the type of the message, or else the operation.
    pub fn exchange(&self) -> Option<&str> {
        self.value(SeenFact::MessageType).or_else(|| self.value(SeenFact::Operation))
    }
}

/// A fault that a PKI must make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCount {
    /// The rule: `on: PKCSReq, do: wrong-recipient-nonce`.
    pub rule: String,
    /// Number of requests at which it happened.
    pub fired: u32,
}

/// A service that issues certificates: the mock CA, or a real PKI.
#[async_trait]
pub trait Pki: Send + Sync {
    /// Issues the certificate of the oldest pending request.
    async fn approve(&self) -> Result<Decision, PkiError> {
        Err(PkiError::NotSupported { what: "approving requests".to_owned() })
    }

    /// Denies the oldest pending request.
    async fn deny(&self) -> Result<Decision, PkiError> {
        Err(PkiError::NotSupported { what: "denying requests".to_owned() })
    }

    /// The SCEP service, for requests that a scenario sends by itself.
    ///
    /// # Errors
    /// [`PkiError::NotSupported`] if only clients can reach it.
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Err(PkiError::NotSupported { what: "requests that the scenario sends itself".to_owned() })
    }

    /// The same PKI, with what this end exchanges with it recorded; none if that is recorded elsewhere, such as at the PKI.
    fn recorded(&self, recorder: Recorder) -> Option<Arc<dyn Pki>> {
        let _ = recorder;
        None
    }

    /// Stops serving: from now on, connections are refused. The state is kept.
    ///
    /// # Errors
    /// [`PkiError::NotSupported`] if it cannot be stopped from here.
    async fn stop(&self) -> Result<(), PkiError> {
        Err(PkiError::NotSupported { what: "being stopped by a scenario".to_owned() })
    }

    /// Serves again after [`stop`](Self::stop), with the state that it had.
    ///
    /// # Errors
    /// [`PkiError::NotSupported`] if it cannot be started from here.
    async fn start(&self) -> Result<(), PkiError> {
        Err(PkiError::NotSupported { what: "being started by a scenario".to_owned() })
    }

    /// Lets the next CA take the place of today's now.
    ///
    /// # Errors
    /// [`PkiError::Refused`] if there is no next CA.
    async fn roll_over(&self) -> Result<(), PkiError> {
        Err(PkiError::NotSupported { what: "a rollover of its CA by a scenario".to_owned() })
    }

    /// Revokes the certificate with this serial number.
    ///
    /// # Errors
    /// [`PkiError::Refused`] if it issued no such certificate, or has revoked it already.
    async fn revoke(&self, serial: &str, reason: RevocationReason) -> Result<(), PkiError> {
        let _ = (serial, reason);
        Err(PkiError::NotSupported { what: "revoking certificates".to_owned() })
    }

    /// Certificates issued to clients in this lab, oldest first; not those of the CA and its RAs.
    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        Err(PkiError::NotSupported { what: "listing issued certificates".to_owned() })
    }

    /// The root in PEM below which the certificate of its TLS server is, for clients to trust; none if it speaks plain HTTP, or if its
    /// certificate was given.
    ///
    /// # Errors
    /// [`PkiError::NotSupported`] if it is not known.
    async fn tls_root(&self) -> Result<Option<String>, PkiError> {
        Err(PkiError::NotSupported { what: "giving the root of its TLS".to_owned() })
    }

    /// URL of its SCEP service for clients: `http://host:port/path`, or with `https`.
    async fn url(&self) -> Result<String, PkiError> {
        Err(PkiError::NotSupported { what: "being reached by a client under test".to_owned() })
    }

    /// The CA's certificate in PEM, as known in advance (RFC 8894 §2.2).
    async fn ca_certificate(&self) -> Result<String, PkiError> {
        Err(PkiError::NotSupported { what: "giving out its certificate".to_owned() })
    }

    /// The private keys of its CAs and registration authorities with their certificates, for a bundle with keys.
    ///
    /// # Errors
    /// [`PkiError::NotSupported`] if it keeps them to itself.
    async fn keys(&self) -> Result<Vec<(Role, Identity)>, PkiError> {
        Err(PkiError::NotSupported { what: "giving out its keys".to_owned() })
    }

    /// Received requests, oldest first.
    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        Err(PkiError::NotSupported { what: "listing the requests that it received".to_owned() })
    }

    /// The faults that it must make, and how often each happened.
    async fn faults(&self) -> Result<Vec<FaultCount>, PkiError> {
        Ok(Vec::new())
    }

    /// Number of clients' requests that it has denied so far; the answer of a fault does not count.
    async fn denied(&self) -> Result<usize, PkiError> {
        Ok(0)
    }

    /// Time until something happens in the PKI next without a request, such as a decision that falls due; none if nothing will, or it
    /// does not tell.
    async fn until_due(&self) -> Option<Duration> {
        None
    }

    /// What happened in the PKI without a request, one line each, after the first `seen` events; and the number of all events so far.
    async fn events_after(&self, seen: u64) -> (u64, Vec<String>) {
        let _ = seen;
        (0, Vec::new())
    }

    /// Moves the clock of the PKI forward.
    ///
    /// Only for a lab without a time of its own.
    ///
    /// # Errors
    /// [`PkiError::NotSupported`] if it goes by the clock of the system.
    async fn advance(&self, by: Duration) -> Result<(), PkiError> {
        let _ = by;
        Err(PkiError::NotSupported { what: "that its time is moved".to_owned() })
    }

    /// Log of the PKI, one line per request, newest last; empty if it has none.
    async fn log(&self) -> Vec<String> {
        Vec::new()
    }

    /// Remarks for the reader of the result, such as what a recorded server answers otherwise than in its recording.
    async fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Waits until the PKI breaks and returns the reason; never returns if it does not.
    async fn broken(&self) -> String {
        std::future::pending().await
    }
}

/// The SCEP service of a PKI, and the challenge passwords with which it grants requests.
#[async_trait]
pub trait ScepService: Send + Sync {
    /// Sends an HTTP request, with `suffix` appended to the path of the service.
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError>;

    /// True if it asks for a challenge password. Fetching one to find out would use it up.
    async fn asks_for_challenge(&self) -> Result<bool, PkiError>;

    /// A valid challenge password; none if the PKI asks for none.
    ///
    /// Mutated requests are `expendable`: they should be refused whatever their password, and may share one if each is valid
    /// only once.
    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError>;

    /// True if this password was sent before, and the server may have used it up. If a request with it is refused, that says
    /// nothing about the server.
    fn is_doubtful(&self, challenge: &Secret) -> bool {
        let _ = challenge;
        false
    }

    /// Returns the password of a refused request, which most likely is still unused.
    async fn challenge_unused(&self, challenge: Secret) -> Result<(), PkiError> {
        drop(challenge);
        Ok(())
    }

    /// Reports that an expendable request was granted, so that its password is used up.
    async fn expendable_granted(&self) -> Result<(), PkiError> {
        Ok(())
    }
}

impl From<PkiError> for NoAnswer {
    /// The reason why a request to a PKI was not answered.
    fn from(error: PkiError) -> Self {
        match error {
            PkiError::NotServed { reason } => reason,
            PkiError::Broken { reason } => Self::Other(reason),
            error => Self::Other(error.to_string()),
        }
    }
}

/// The reason why a PKI did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PkiError {
    /// The PKI has no such function; the scenario is skipped with this reason.
    #[error("the PKI does not support {what}")]
    NotSupported {
        /// The function.
        what: String,
    },
    /// The PKI refused an order: a failed expectation, not a broken lab.
    #[error("the PKI refused the order: {reason}")]
    Refused {
        /// Reason.
        reason: String,
    },
    /// No challenge password is left for the request; the scenario is skipped with this reason.
    #[error("no challenge password is left: {reason}")]
    NoPassword {
        /// Reason.
        reason: String,
    },
    /// The service did not get the request: the PKI cannot be reached, or something before the service refused it.
    #[error("{reason}")]
    NotServed {
        /// Reason.
        reason: NoAnswer,
    },
    /// The PKI broke, so the lab is at fault.
    #[error("the PKI broke: {reason}")]
    Broken {
        /// Reason.
        reason: String,
    },
}
