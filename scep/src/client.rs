//! The client of RFC 8894 §2.5.1 as a state machine, which never waits itself.
//!
//! One [`Client`] is one enrolment. The caller sends each [`HttpRequest`] to the CA's address, gives the response to
//! [`Client::receive`], and after [`Next::Pending`] calls [`Client::poll`] when it likes.

mod ca_certificates;
mod candidates;
pub mod choice;
mod crl_query;
mod next_ca;
mod pending;
mod refusal;
mod reply;
mod request;
mod settings;

pub use crate::message::RequestMessage;
pub use ca_certificates::CaCertificates;
pub use candidates::Chosen;
pub use crl_query::CrlQuery;
pub use pending::PendingRequest;
pub use refusal::{Exchange, Reason, Refusal, Stage};
pub use reply::{Expected, Reply, Verified};
pub use settings::Settings;

use std::time::SystemTime;

use openssl::x509::X509;

use crate::{
    Entropy,
    attribute::{MessageType, Nonce},
    body::IssuerAndSubject,
    capabilities::Capabilities,
    http::{HttpRequest, HttpResponse, Method, Operation},
};

/// The next step of a client after a response.
// Exhaustive: a caller must handle every step, so a new one is a breaking change.
#[derive(Debug)]
pub enum Next {
    /// Send this request.
    Send(HttpRequest),
    /// Ask again later, with [`Client::poll`].
    Pending,
    /// The enrolment has ended with this certificate.
    Issued(X509),
}

/// One enrolment.
///
/// # Examples
/// ```no_run
/// # use std::{error::Error, time::SystemTime};
/// # use openssl::{rand::rand_bytes, x509::X509};
/// use scep::{
///     client::{Client, Next, Settings},
///     http::{HttpRequest, HttpResponse},
/// };
///
/// fn enrol(
///     settings: Settings,
///     send: impl Fn(&HttpRequest) -> Result<HttpResponse, Box<dyn Error>>,
/// ) -> Result<X509, Box<dyn Error>> {
///     let mut client = Client::new(settings);
///     let mut request = client.start();
///     loop {
///         let response = send(&request)?;
///         request = match client.receive(&response, SystemTime::now(), &mut rand_bytes)? {
///             Next::Send(next) => next,
///             Next::Pending => client.poll(&mut rand_bytes)?, // better after a while
///             Next::Issued(certificate) => return Ok(certificate),
///         };
///     }
/// }
/// ```
pub struct Client {
    settings: Settings,
    state: State,
    capabilities: Option<Capabilities>,
    ca_certificates: Option<CaCertificates>,
    chosen: Option<Chosen>,
}

crate::named::debug_of!(Client { settings, capabilities });

enum State {
    AwaitingCapabilities,
    AwaitingCaCertificates,
    AwaitingReply(Transaction),
    Pending(Transaction),
    Finished,
}

/// The values that stay the same from the request to the last poll (RFC 8894 §4.4).
#[derive(Clone)]
struct Transaction {
    message: RequestMessage,
    method: Method,
}

impl Client {
    /// A client that has sent nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::AwaitingCapabilities,
            capabilities: None,
            ca_certificates: None,
            chosen: None,
        }
    }

    /// The first request: GetCACaps.
    pub fn start(&mut self) -> HttpRequest {
        self.state = State::AwaitingCapabilities;
        self.ask(Operation::GetCaCaps)
    }

    /// Takes the response to the last request, and says what to do next.
    ///
    /// # Errors
    /// Fails with a [`Refusal`] that has the stage and the reason. The enrolment has then ended, but for [`Stage::Http`]: the server
    /// answered with another status than 200, and the caller may send the same request again and pass on that response.
    pub fn receive(
        &mut self,
        response: &HttpResponse,
        now: SystemTime,
        entropy: Entropy<'_>,
    ) -> Result<Next, Refusal> {
        // Before the state is taken: the request may be sent again.
        if let Some(exchange) = self.exchange_that_needs_200(response) {
            refusal::check_status(exchange, response)?;
        }
        match std::mem::replace(&mut self.state, State::Finished) {
            State::AwaitingCapabilities => Ok(self.take_capabilities(response)),
            State::AwaitingCaCertificates => self.take_ca_certificates(response, now, entropy),
            State::AwaitingReply(transaction) => self.take_reply(response, transaction, now),
            State::Pending(_) | State::Finished => Err(Refusal::misuse("no request is under way")),
        }
    }

    /// The next CertPoll of a pending request (RFC 8894 §3.3.3), with a fresh nonce.
    ///
    /// # Errors
    /// Fails if nothing is pending, or the message cannot be built.
    pub fn poll(&mut self, entropy: Entropy<'_>) -> Result<HttpRequest, Refusal> {
        let State::Pending(mut transaction) = std::mem::replace(&mut self.state, State::Finished)
        else {
            return Err(Refusal::misuse("no request is pending"));
        };
        transaction.message.message_type = MessageType::CertPoll;
        transaction.message.sender_nonce =
            Nonce::generate(&mut *entropy).map_err(Refusal::at(Stage::Request))?;
        let issuer = self.chosen()?.issuer.subject_name();
        let body = IssuerAndSubject::encode(issuer, &self.settings.subject)
            .map_err(Refusal::at(Stage::Request))?;
        self.send(transaction, &body, entropy)
    }

    /// The settings of the enrolment.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The CA's capabilities, after they were received.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// The CA's certificates, after they were received.
    pub fn ca_certificates(&self) -> Option<&CaCertificates> {
        self.ca_certificates.as_ref()
    }

    /// The certificate that requests are addressed to, in words, if the CA's certificates that were received leave a choice
    /// ([`CaCertificates::unclear_addressee`]).
    pub fn unclear_addressee(&self, now: SystemTime) -> Option<String> {
        self.ca_certificates.as_ref()?.unclear_addressee(self.chosen.as_ref()?, now)
    }

    /// The current exchange.
    pub fn exchange(&self) -> Exchange {
        match &self.state {
            State::AwaitingCapabilities => Exchange::GetCaCaps,
            State::AwaitingCaCertificates => Exchange::GetCaCert,
            State::AwaitingReply(transaction) | State::Pending(transaction) => {
                Exchange::of(transaction.message.message_type.clone())
            }
            State::Finished => Exchange::None,
        }
    }

    /// The current request in a few words, for a log: method, cipher, digest and transaction.
    pub fn transaction_summary(&self) -> Option<String> {
        let (State::AwaitingReply(transaction) | State::Pending(transaction)) = &self.state else {
            return None;
        };
        let method = transaction.method.as_str();
        let RequestMessage { cipher, digest, transaction_id, .. } = &transaction.message;
        Some(format!("{method}, {cipher}, {digest}, transaction {transaction_id}"))
    }

    fn ask(&self, operation: impl FnOnce(Option<String>) -> Operation) -> HttpRequest {
        operation(self.settings.ca_identifier.clone()).to_http(Method::Get)
    }

    /// The awaited exchange, if its response must have the status 200. A CA that answers GetCACaps with an error has no capabilities
    /// (RFC 8894 §3.5.2), but a redirection is no such error: the address is not that of a CA.
    fn exchange_that_needs_200(&self, response: &HttpResponse) -> Option<Exchange> {
        match self.state {
            State::AwaitingCapabilities if response.is_redirect() => Some(self.exchange()),
            State::AwaitingCaCertificates | State::AwaitingReply(_) => Some(self.exchange()),
            _ => None,
        }
    }

    /// A CA that answers GetCACaps with an error has no capabilities (RFC 8894 §3.5.2).
    fn take_capabilities(&mut self, response: &HttpResponse) -> Next {
        self.capabilities = Some(match response.status {
            200 => Capabilities::parse(&response.body),
            _ => Capabilities::default(),
        });
        self.state = State::AwaitingCaCertificates;
        Next::Send(self.ask(Operation::GetCaCert))
    }

    fn take_ca_certificates(
        &mut self,
        response: &HttpResponse,
        now: SystemTime,
        entropy: Entropy<'_>,
    ) -> Result<Next, Refusal> {
        let mut certificates = CaCertificates::read(response)?;
        if let Some(fingerprint) = &self.settings.ca_fingerprint {
            let announced = &self.settings.announced_cas;
            certificates = certificates.trusted_or_announced(fingerprint, announced)?;
        }
        // Stored before the checks, so that the caller can show the certificates if one fails.
        let certificates = self.ca_certificates.insert(certificates);
        self.chosen = Some(certificates.choose(now)?);
        certificates.drop_strangers();
        self.request(now, entropy).map(Next::Send)
    }

    fn take_reply(
        &mut self,
        response: &HttpResponse,
        transaction: Transaction,
        now: SystemTime,
    ) -> Result<Next, Refusal> {
        let request = &transaction.message;
        let exchange = Exchange::of(request.message_type.clone());
        let ca = self.known_ca()?;
        let expected = Expected {
            exchange: exchange.clone(),
            transaction_id: &request.transaction_id,
            sender_nonce: &request.sender_nonce,
            signers: &ca.ra.iter().chain(&ca.ca).map(AsRef::as_ref).collect::<Vec<_>>(),
            recipient: &request.signer,
            password: self.settings.challenge.as_ref(),
            takes_obsolete_algorithms: self.settings.takes_obsolete_algorithms,
            now,
        };
        let read = Reply::read(&response.body, &expected);
        match read.map_err(|refusal| refusal.about(response))? {
            Reply::Success(content) => {
                let key = &self.settings.key;
                ca.issued(&content.certificates, key).map(Next::Issued)
            }
            Reply::Failure(denial) => {
                Err(Refusal { stage: Stage::Answer, exchange, reason: Reason::Refused(denial) })
            }
            Reply::Pending => {
                self.state = State::Pending(transaction);
                Ok(Next::Pending)
            }
        }
    }

    fn chosen(&self) -> Result<&Chosen, Refusal> {
        self.chosen.as_ref().ok_or(Refusal::misuse("the CA is not known yet"))
    }

    fn known_ca(&self) -> Result<&CaCertificates, Refusal> {
        self.ca_certificates.as_ref().ok_or(Refusal::misuse("the CA is not known yet"))
    }
}
