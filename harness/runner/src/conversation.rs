//! Speaking SCEP to a PKI by hand, step after step: what is remembered from one exchange to the next.

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
use testbed::pki::{Exchanged, Pki, PkiError};

/// What one scenario says to one PKI.
#[derive(Default)]
pub(crate) struct Conversation {
    /// What the CA offers and which certificates it has, once that was asked.
    authority: Option<Authority>,
    keys: keys::Keys,
    /// The transaction begun last.
    transaction: Option<Transaction>,
    /// The certificate issued last, with its key, and the one before it.
    issued: Option<Identity>,
    challenge: Option<Secret>,
    /// What was used, to be kept out of every text.
    secrets: Vec<Secret>,
    saved: BTreeMap<String, String>,
    /// What is asked for where a step names no subject.
    subject: Option<String>,
    log: ReceivedLog,
    /// The certificates that came.
    pub received: Vec<Received>,
    /// How many challenge passwords were asked for; what is shared by requests that are wrong on purpose left out.
    pub challenges: usize,
}

/// What GetCACaps and GetCACert said.
struct Authority {
    capabilities: Capabilities,
    certificates: CaCertificates,
}

/// A request that was sent, as far as its answer is held against it.
struct Transaction {
    id: TransactionId,
    sender_nonce: Nonce,
    signer: Identity,
    /// What is to be certified, where the transaction is about that.
    requested: Option<Requested>,
    /// The serial number that is asked for, in hexadecimal.
    serial: Option<String>,
}

/// What is to be certified.
struct Requested {
    subject: X509Name,
    key: openssl::pkey::PKey<openssl::pkey::Private>,
}

/// One exchange.
#[derive(Debug)]
pub(crate) struct Spoken {
    /// What was sent, in words.
    pub sent: Vec<String>,
    /// What came, as facts and in words.
    pub observation: Observation,
}

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpeechError {
    /// What is asked for cannot be done at this PKI, or not yet.
    #[error("{0}")]
    NotPossible(String),
    /// The PKI does not do it.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The request could not be made.
    #[error("the request could not be built: {0}")]
    Unbuilt(#[from] scep::Error),
}

impl From<openssl::error::ErrorStack> for SpeechError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Unbuilt(error.into())
    }
}

impl Conversation {
    /// Nothing is said yet.
    pub(crate) fn new(
        supply: testbed::KeySupply,
        subject: Option<String>,
        log: ReceivedLog,
    ) -> Self {
        Self { keys: keys::Keys::new(supply), subject, log, ..Self::default() }
    }

    /// Sends a request and observes what comes; one that is expendable is to be refused, and shares its password.
    pub(crate) async fn speak(
        &mut self,
        pki: &dyn Pki,
        request: &Request,
        expendable: bool,
    ) -> Result<Spoken, SpeechError> {
        // The answer to GetNextCACert is held against the CA of today.
        let needs_ca =
            request.operation.has_message() || request.operation == Operation::GetNextCaCert;
        if needs_ca && self.authority.is_none() {
            self.authority = Some(meet(pki).await?);
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
        let sent = composed.words.iter().map(|line| self.masked(line)).collect();
        Ok(Spoken { sent, observation })
    }

    /// Keeps a fact for later.
    pub(crate) fn save(&mut self, name: &str, value: &str) {
        self.saved.insert(name.to_owned(), value.to_owned());
    }

    /// The text with what was saved in place of `{{name}}`.
    pub(crate) fn filled(&self, text: &str) -> String {
        self.saved.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&["{{", name, "}}"].concat(), value)
        })
    }

    fn masked(&self, text: &str) -> String {
        Masker::new(self.secrets.clone()).text(text)
    }
}

/// Asks for the capabilities and the certificates, without which no message can be made.
async fn meet(pki: &dyn Pki) -> Result<Authority, SpeechError> {
    let ask = |operation: HttpOperation| operation.to_http(Method::Get);
    let capabilities = pki.exchange(&ask(HttpOperation::GetCaCaps(None)), "").await?;
    let capabilities = match &capabilities {
        Exchanged::Answered(HttpResponse { status: 200, body, .. }) => Capabilities::parse(body),
        _ => Capabilities::default(),
    };
    let certificates = pki.exchange(&ask(HttpOperation::GetCaCert(None)), "").await?;
    let unusable = |reason: String| {
        SpeechError::NotPossible(format!("no message can be made without GetCACert: {reason}"))
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

/// A certificate's serial number in hexadecimal.
fn serial_of(certificate: &X509) -> String {
    serial_number(certificate).unwrap_or_default()
}

impl Observation {
    /// The value of a fact; `absent` where there is nothing of it.
    pub(crate) fn value(&self, fact: Fact) -> &str {
        self.facts.get(&fact).map_or("absent", String::as_str)
    }
}
