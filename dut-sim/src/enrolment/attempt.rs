//! One enrolment from beginning to end: drives `scep`'s client, waits where the client cannot, and tells how it goes.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use openssl::rand::rand_bytes;
use openssl::x509::{X509, X509Ref};
use scep::client::{Client, Next, Refusal, Settings};
use scep::http::{HttpRequest, HttpResponse};
use scep::secret::ChallengePassword;
use tokio::time::sleep;

use super::Surroundings;
use super::http::{HttpFailure, compose, exchange};
use super::progress::{Phase, Progress, seconds};
use crate::config::system::CsrSettings;
use crate::secret::{MASK, Secret};

/// An enrolment, with all that it needs to run by itself.
pub(super) struct Enrolment {
    name: String,
    settings: CsrSettings,
    surroundings: Arc<Surroundings>,
    progress: Arc<Mutex<Progress>>,
    /// The opened challenge password, for the request and to keep it out of every text.
    password: Option<Secret>,
    /// Tries since the CA last answered.
    tries: u32,
    /// How often the CA put the decision off.
    polls: u32,
}

/// Why an enrolment is over without a certificate.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the sealed password opens neither under the device's own key nor by its keyring")]
    PasswordSealed,
    #[error("no key: {0}")]
    Key(#[from] openssl::error::ErrorStack),
    #[error("{0}")]
    Subject(#[from] scep::name::NameError),
    #[error("{exchange}: the request cannot be written as HTTP: {error}")]
    Unwritable { exchange: String, error: hyper::http::Error },
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl Enrolment {
    pub(super) fn new(
        name: &str,
        settings: &CsrSettings,
        surroundings: &Arc<Surroundings>,
        progress: &Arc<Mutex<Progress>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            settings: settings.clone(),
            surroundings: Arc::clone(surroundings),
            progress: Arc::clone(progress),
            password: None,
            tries: 0,
            polls: 0,
        }
    }

    /// Runs until there is a certificate or no hope of one.
    pub(super) async fn run(mut self) {
        match self.enrol().await {
            Ok(certificate) => self.enter(Phase::Issued(certificate)),
            Err(failure) => {
                let reason = self.masked(&failure.to_string());
                self.log(&reason);
                self.enter(Phase::Failed { reason });
            }
        }
    }

    async fn enrol(&mut self) -> Result<X509, Failure> {
        self.password = self.open_password()?;
        let key = self.surroundings.keys.key().await?;
        loop {
            let subject = scep::name::parse(&self.settings.distinguished_name)?;
            let password = self.password.as_ref();
            let mut client = Client::new(Settings {
                challenge: password.map(|secret| ChallengePassword::new(secret.expose())),
                cipher: self.settings.cipher,
                digest: self.settings.digest,
                ..Settings::new(key.clone(), subject)
            });
            if let Some(certificate) = self.converse(&mut client).await? {
                return Ok(certificate);
            }
        }
    }

    fn open_password(&self) -> Result<Option<Secret>, Failure> {
        let Some(sealed) = &self.settings.password else { return Ok(None) };
        self.surroundings.secrets.open(sealed).map(Some).ok_or(Failure::PasswordSealed)
    }

    /// Talks to the CA until it has decided; nothing when the conversation is to begin anew.
    async fn converse(&mut self, client: &mut Client) -> Result<Option<X509>, Failure> {
        let mut request = client.start();
        loop {
            let Some(response) = self.send(client, &request).await? else { return Ok(None) };
            request = match self.receive(client, &response)? {
                Next::Send(request) => request,
                Next::Pending => {
                    self.wait_for_decision(&client.exchange()).await;
                    client.poll(&mut rand_bytes)?
                }
                Next::Issued(certificate) => return Ok(Some(certificate)),
            };
            self.log_request(client);
        }
    }

    /// Sends `request` until it is answered. As long as the CA is not known, a failure means to begin anew: what it can
    /// do may be asked of a server that has just been set right.
    async fn send(
        &mut self,
        client: &Client,
        request: &HttpRequest,
    ) -> Result<Option<HttpResponse>, Failure> {
        let exchange = client.exchange();
        let request = compose(&self.settings.endpoint, request)
            .map_err(|error| Failure::Unwritable { exchange: exchange.clone(), error })?;
        let surroundings = Arc::clone(&self.surroundings);
        loop {
            // Listens from before the try: a commit meanwhile may be what it lacked.
            let woken = surroundings.wake.notified();
            match self.try_to_send(client, request.clone()).await {
                Ok(response) => return Ok(Some(response)),
                Err(failure) => self.retry_later(&exchange, &failure, woken).await,
            }
            if client.ca_certificates().is_none() {
                return Ok(None);
            }
        }
    }

    /// A CA that cannot say what it can do is no failure (RFC 8894 §3.5.2); any other status than 200 is one.
    async fn try_to_send(
        &self,
        client: &Client,
        request: Request<Full<Bytes>>,
    ) -> Result<HttpResponse, HttpFailure> {
        let response =
            exchange(&self.surroundings.network, &self.settings.endpoint, request).await?;
        match response.status {
            200 => Ok(response),
            _ if client.capabilities().is_none() => Ok(response),
            status => Err(HttpFailure::Status(status)),
        }
    }

    async fn retry_later(&mut self, exchange: &str, failure: &HttpFailure, woken: impl Future) {
        self.tries = self.tries.saturating_add(1);
        let pause = self.surroundings.retry_pause.after(self.tries);
        let reason = self.masked(&match failure {
            HttpFailure::Status(_) => format!("{exchange} {failure}"),
            _ => format!("{exchange}: {failure}"),
        });
        self.log(&format!("{reason}, next try in {}", seconds(pause)));
        self.enter(Phase::Retrying { reason, pause });
        tokio::select! {
            () = sleep(pause) => {}
            _ = pin!(woken) => {}
        }
    }

    fn receive(&mut self, client: &mut Client, response: &HttpResponse) -> Result<Next, Refusal> {
        let exchange = client.exchange();
        let asked_for_ca = client.capabilities().is_some() && client.ca_certificates().is_none();
        let next = client.receive(response, SystemTime::now(), &mut rand_bytes);
        if asked_for_ca {
            self.keep_ca(client);
        }
        if client.ca_certificates().is_some() {
            self.tries = 0;
        }
        self.log_answer(&exchange, client, next.as_ref().ok());
        next
    }

    /// Keeps the CA's certificates even where they were found wanting: the operator may see why.
    fn keep_ca(&self, client: &Client) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.ca = client.ca_certificates().cloned();
        progress.phase = Phase::UnderWay;
        drop(progress);
        self.surroundings.changed();
    }

    async fn wait_for_decision(&mut self, exchange: &str) {
        self.polls = self.polls.saturating_add(1);
        let pause = self.surroundings.poll_pause.after(self.polls);
        self.log(&format!("{exchange} was answered PENDING, next poll in {}", seconds(pause)));
        self.enter(Phase::Pending);
        sleep(pause).await;
    }

    fn log_answer(&self, exchange: &str, client: &Client, next: Option<&Next>) {
        match (next, client.ca_certificates(), client.capabilities()) {
            (Some(Next::Issued(certificate)), ..) => {
                let certificate = described(certificate);
                self.log(&format!("{exchange} was answered SUCCESS: {certificate}"));
            }
            (_, Some(ca), _) if exchange == "GetCACert" => {
                let count = ca.ca.len() + ca.ra.len();
                let noun = if count == 1 { "certificate" } else { "certificates" };
                self.log(&format!("{exchange}: {count} {noun}"));
            }
            (_, None, Some(capabilities)) if exchange == "GetCACaps" => {
                let count = capabilities.known().len() + capabilities.unknown().len();
                self.log(&format!("{exchange}: {count} capabilities ({capabilities})"));
            }
            _ => {}
        }
    }

    fn log_request(&self, client: &Client) {
        if let Some(summary) = client.transaction_summary() {
            self.log(&format!("{} over {summary}", client.exchange()));
        }
    }

    fn log(&self, line: &str) {
        self.surroundings.log.add(&format!("{}: {}", self.name, self.masked(line)));
    }

    fn enter(&self, phase: Phase) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).phase = phase;
        self.surroundings.changed();
    }

    /// What a server says in words may repeat the password, and is shown with its quotes and backslashes escaped.
    fn masked(&self, text: &str) -> String {
        let Some(password) = &self.password else { return text.to_owned() };
        let escaped = password.expose().escape_debug().to_string();
        text.replace(&escaped, MASK).replace(password.expose(), MASK)
    }
}

/// A certificate in a few words: serial number and subject.
fn described(certificate: &X509Ref) -> String {
    let serial = certificate.serial_number().to_bn().and_then(|serial| serial.to_hex_str());
    let serial = serial.map_or_else(|_| "?".to_owned(), |serial| serial.to_string());
    let subject = scep::name::to_text(certificate.subject_name());
    format!("certificate {serial}, `{subject}`")
}
