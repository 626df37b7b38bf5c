//! Sends single SCEP requests to a PKI and keeps the state that later requests need.

mod compose;
mod keys;
mod observe;
mod signer;

use std::collections::BTreeMap;

use openssl::x509::{X509, X509Name};
use redact::Masker;
use scep::attribute::{Nonce, PkiStatus, TransactionId};
use scep::capabilities::Capabilities;
use scep::certificate::serial_number;
use scep::client::CaCertificates;
use scep::http::{HttpResponse, Method, Operation as HttpOperation};
use scep::identity::Identity;

pub(crate) use self::observe::Observation;

use model::lab::Secret;
use model::scenario::scep::{Fact, Operation, Request};
use results::Received;
use testbed::ReceivedLog;
use testbed::pki::{Exchanged, PkiError, ScepService};

/// SCEP state of one scenario with one PKI.
#[derive(Default)]
pub(crate) struct Conversation {
    /// Capabilities and certificates of the CA, once they have been fetched.
    authority: Option<Authority>,
    keys: keys::Keys,
    /// The transaction begun last.
    transaction: Option<Transaction>,
    /// The certificate issued last, with its key, and the one before it.
    issued: Option<Identity>,
    challenge: Option<Secret>,
    /// Passwords that were used; they are masked in every text.
    secrets: Vec<Secret>,
    saved: BTreeMap<String, String>,
    /// Subject pattern for steps without a subject.
    subject: Option<String>,
    log: ReceivedLog,
    /// The certificates that were received.
    pub received: Vec<Received>,
    /// Number of challenge passwords that were fetched, without those shared by requests that must be refused.
    pub challenges: usize,
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
}

/// A request and the observed response.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Description of the request, one line each.
    pub sent: Vec<String>,
    /// Facts and details of the response.
    pub observation: Observation,
}

/// Why a request could not be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// The request is not possible at this PKI, or not yet.
    #[error("{0}")]
    NotPossible(String),
    /// The PKI reported an error.
    #[error(transparent)]
    Pki(#[from] PkiError),
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
        supply: testbed::KeySupply,
        subject: Option<String>,
        log: ReceivedLog,
    ) -> Self {
        Self { keys: keys::Keys::new(supply), subject, log, ..Self::default() }
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
        let composed = self.compose(request).await?;
        let entry = composed.transaction.as_ref().and_then(|it| self.begin(request, it));
        let exchanged = pki.exchange(&composed.request, composed.path_suffix).await?;
        if composed.transaction.is_some() {
            self.transaction = composed.transaction;
        }
        let mut observation = self.observe(request, &exchanged);
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
        observation.mask(|text| self.masked(text));
        let sent = composed.summary.iter().map(|line| self.masked(line)).collect();
        Ok(Exchange { sent, observation })
    }

    /// Saves the value of a fact for later steps.
    pub(crate) fn save(&mut self, name: &str, value: &str) {
        self.saved.insert(name.to_owned(), value.to_owned());
    }

    /// The text with each `{{name}}` replaced by the saved value.
    pub(crate) fn filled(&self, text: &str) -> String {
        self.saved.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&["{{", name, "}}"].concat(), value)
        })
    }

    fn masked(&self, text: &str) -> String {
        Masker::new(self.secrets.clone()).text(text)
    }
}

/// Fetches the capabilities and the certificates, which every message needs.
async fn discover(pki: &dyn ScepService) -> Result<Authority, RequestError> {
    let ask = |operation: HttpOperation| operation.to_http(Method::Get);
    let capabilities = pki.exchange(&ask(HttpOperation::GetCaCaps(None)), "").await?;
    let capabilities = match &capabilities {
        Exchanged::Answered(HttpResponse { status: 200, body, .. }) => Capabilities::parse(body),
        _ => Capabilities::default(),
    };
    let certificates = pki.exchange(&ask(HttpOperation::GetCaCert(None)), "").await?;
    let unusable = |reason: String| {
        RequestError::NotPossible(format!("no message can be made without GetCACert: {reason}"))
    };
    match certificates {
        Exchanged::Unanswered(reason) => Err(unusable(reason)),
        Exchanged::Answered(response) if response.status != 200 => {
            Err(unusable(format!("was answered HTTP {}", response.status)))
        }
        Exchanged::Answered(response) => {
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
    /// The value of a fact; `absent` if it was not observed.
    pub(crate) fn value(&self, fact: Fact) -> &str {
        self.facts.get(&fact).map_or("absent", String::as_str)
    }
}
