//! Sends single SCEP requests to a PKI and keeps the state that later requests need.

mod compose;
mod observe;
mod signer;

use std::collections::BTreeMap;

use openssl::x509::{X509, X509Name};
use redact::Masker;
use scep::attribute::{Nonce, PkiStatus, TransactionId};
use scep::capabilities::Capabilities;
use scep::certificate::serial_number;
use scep::client::CaCertificates;
use scep::clock::Clock;
use scep::http::{HttpResponse, Method, Operation as HttpOperation};
use scep::identity::Identity;

pub(crate) use self::observe::Observation;

use model::lab::Secret;
use model::scenario::scep::{Fact, Operation, Request};
use results::Received;
use testbed::pki::{Exchanged, PkiError, ScepService, ServerState};
use testbed::{KeyStore, NoAnswer, ReceivedLog};

/// SCEP state of one scenario with one PKI.
#[derive(Default)]
pub(crate) struct Conversation {
    /// Capabilities and certificates of the CA, once they have been fetched.
    authority: Option<Authority>,
    keys: KeyStore,
    /// The transaction begun last.
    transaction: Option<Transaction>,
    /// The certificate issued last, with its key, and the one before it.
    issued: Option<Identity>,
    challenge: Option<Secret>,
    /// Passwords that were used; they are masked in every text.
    secrets: Vec<Secret>,
    /// Saved facts by name; none for a fact that the reply did not have.
    saved: BTreeMap<String, Option<String>>,
    /// Subject pattern for steps without a subject.
    subject: Option<String>,
    /// The clock of the lab.
    clock: Clock,
    log: ReceivedLog,
    /// The certificates that were received.
    pub received: Vec<Received>,
    /// Number of challenge passwords that were fetched, without those shared by requests that must be refused.
    pub challenges: usize,
}

/// The end of a server, by a request.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// What came in place of an answer.
    pub reason: NoAnswer,
    /// State of the server afterwards.
    pub state: ServerState,
}

/// The answers to GetCACaps and GetCACert.
struct Authority {
    capabilities: Capabilities,
    certificates: CaCertificates,
}

/// The parts of a sent request that the answer is compared with.
struct Transaction {
    id: TransactionId,
    sender_nonce: Nonce,
    signer: Identity,
    /// The requested subject and key, if the transaction is an enrolment.
    requested: Option<Requested>,
    /// The requested serial number, in hexadecimal.
    serial: Option<String>,
}

/// Subject and key to be certified.
struct Requested {
    subject: X509Name,
    key: openssl::pkey::PKey<openssl::pkey::Private>,
    /// The challenge password, with which the reply may be encrypted.
    challenge: Option<Secret>,
}

/// A request and the observed response.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Description of the request, one line each.
    pub sent: Vec<String>,
    /// Facts and details of the response.
    pub observation: Observation,
    /// Set if the server was gone after the request.
    pub ended: Option<Ended>,
    /// True if the request had a password that the server may have used up before.
    pub has_doubtful_challenge: bool,
}

/// Why a request could not be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// The request is not possible at this PKI, or not yet.
    #[error("{0}")]
    NotPossible(String),
    /// The request needs a challenge password, or must lack one, and none is known.
    #[error("{0}")]
    NoPassword(String),
    /// The PKI reported an error.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// No certificate of the CA can receive a message.
    #[error("no message can be made for this CA: {0}")]
    NoRecipient(Box<scep::client::Refusal>),
    /// The request could not be encoded.
    #[error("the request could not be built: {0}")]
    Unbuilt(#[from] scep::Error),
}

impl From<openssl::error::ErrorStack> for RequestError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Unbuilt(error.into())
    }
}

impl Conversation {
    /// A conversation without any exchange.
    pub(crate) fn new(
        keys: KeyStore,
        subject: Option<String>,
        log: ReceivedLog,
        clock: Clock,
    ) -> Self {
        Self { keys, subject, clock, log, ..Self::default() }
    }

    /// Sends a request and observes the response. An expendable request must be refused, and shares its password with others.
    pub(crate) async fn exchange(
        &mut self,
        pki: &dyn ScepService,
        request: &Request,
        expendable: bool,
    ) -> Result<Exchange, RequestError> {
        // The answer to GetNextCACert is compared with the current CA.
        let needs_ca =
            request.operation.has_message() || request.operation == Operation::GetNextCaCert;
        if needs_ca && self.authority.is_none() {
            self.authority = Some(discover(pki).await?);
        }
        if request.operation.enrols() {
            self.choose_challenge(pki, request, expendable).await?;
        }
        let composed = self.compose(request, expendable).await?;
        let entry = composed.transaction.as_ref().and_then(|it| self.begin(request, it));
        let exchanged = pki.exchange(&composed.request, composed.path_suffix).await;
        if let (Err(PkiError::NotServed { .. }), Some(entry)) = (&exchanged, entry) {
            self.log.settle(entry, None);
        }
        let exchanged = exchanged?;
        if composed.transaction.is_some() {
            self.transaction = composed.transaction;
        }
        let mut observation = self.observe(request, &exchanged);
        let ended = match exchanged {
            Exchanged::Ended { reason, state } => Some(Ended { reason, state }),
            _ => None,
        };
        let doubtful = |challenge: &Secret| pki.is_doubtful(challenge);
        let has_doubtful_challenge =
            request.operation.enrols() && self.challenge.as_ref().is_some_and(doubtful);
        if let Some(entry) = entry {
            self.note_received(&observation, entry);
        }
        match observation.pki_status {
            Some(PkiStatus::Success) if expendable => pki.expendable_granted().await?,
            Some(PkiStatus::Success | PkiStatus::Pending) => {}
            _ if expendable || !request.operation.enrols() => {}
            _ => {
                if let Some(unused) = &self.challenge {
                    pki.challenge_unused(unused.clone()).await?;
                }
            }
        }
        if matches!(observation.pki_status, Some(PkiStatus::Success | PkiStatus::Pending))
            && let Some(requested) = self.transaction.as_ref().and_then(|it| it.requested.as_ref())
        {
            self.keys.taken(&requested.key).await;
        }
        let masker = Masker::new(self.secrets.iter().cloned());
        observation.mask(&masker);
        let sent = masker.lines(&composed.summary);
        Ok(Exchange { sent, observation, ended, has_doubtful_challenge })
    }

    /// Saves the value of a fact for later steps; none if the reply does not have the fact.
    pub(crate) fn save(&mut self, name: &str, value: Option<&str>) {
        self.saved.insert(name.to_owned(), value.map(str::to_owned));
    }

    /// The text with each `{{name}}` replaced by the saved value; none if there was no value to save.
    pub(crate) fn filled(&self, text: &str) -> Option<String> {
        self.saved.iter().try_fold(text.to_owned(), |text, (name, value)| {
            let place = ["{{", name, "}}"].concat();
            if text.contains(&place) {
                Some(text.replace(&place, value.as_deref()?))
            } else {
                Some(text)
            }
        })
    }

    /// The same for a part of a request.
    fn filled_in(&self, text: &str) -> Result<String, RequestError> {
        let absent = || {
            let reason =
                format!("`{text}` needs a value that the reply to an earlier step did not have");
            RequestError::NotPossible(reason)
        };
        self.filled(text).ok_or_else(absent)
    }
}

/// Fetches the capabilities and the certificates, which every message needs.
async fn discover(pki: &dyn ScepService) -> Result<Authority, RequestError> {
    let ask = |operation: HttpOperation| operation.to_http(Method::Get);
    let capabilities = pki.exchange(&ask(HttpOperation::GetCaCaps(None)), "").await?;
    let capabilities = match capabilities.response() {
        Ok(HttpResponse { status: 200, body, .. }) => Capabilities::parse(&body),
        _ => Capabilities::default(),
    };
    let certificates = pki.exchange(&ask(HttpOperation::GetCaCert(None)), "").await?;
    let unusable = |reason: String| {
        RequestError::NotPossible(format!("no message can be made without GetCACert: {reason}"))
    };
    match certificates.response() {
        Err(reason) => Err(unusable(reason.to_string())),
        Ok(response) if response.status != 200 => {
            Err(unusable(format!("it {}", response.answered())))
        }
        Ok(response) => {
            let certificates = CaCertificates::read(&response);
            let certificates = certificates.map_err(|refusal| unusable(refusal.to_string()))?;
            Ok(Authority { capabilities, certificates })
        }
    }
}

/// Serial number of a certificate in hexadecimal.
fn serial_of(certificate: &X509) -> String {
    serial_number(certificate).unwrap_or_default()
}

impl Observation {
    /// The value of a fact; none if the reply does not have it.
    pub(crate) fn value(&self, fact: Fact) -> Option<&str> {
        self.facts.get(&fact).map(String::as_str)
    }
}
