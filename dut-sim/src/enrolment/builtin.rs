//! The device's built-in client: drives the state machine of `scep`, and does its network access and waiting.

use std::sync::Arc;

use openssl::rand::rand_bytes;
use openssl::x509::X509;
use scep::attribute::{FailInfo, MessageType};
use scep::client::{Client, Exchange, Next, PendingRequest, Reason, Refusal};
use scep::http::{HttpRequest, HttpResponse};
use transport::http;

use super::http::HttpFailure;
use super::journal::Journal;
use super::order::{Failure, Order};

/// The number of error statuses to a request after which the CA's certificates are fetched anew: the RA may have another key meanwhile.
pub(super) const PATIENCE: u32 = 3;

/// One enrolment by the built-in client.
pub(super) struct Builtin<'a> {
    pub(super) order: &'a Order,
    pub(super) journal: &'a mut Journal,
    /// True if it has begun anew because of error statuses, so that the certificates of the CA are no proof that the server is well.
    starts_over: bool,
}

impl<'a> Builtin<'a> {
    /// An enrolment with that order.
    pub(super) fn new(order: &'a Order, journal: &'a mut Journal) -> Self {
        Self { order, journal, starts_over: false }
    }

    /// Runs until a certificate is issued or the enrolment has failed for good.
    pub(super) async fn enrol(mut self) -> Result<X509, Failure> {
        if let Some(kept) = self.journal.kept() {
            match self.go_on(kept).await {
                Ok(Some(certificate)) => return Ok(certificate),
                Ok(None) => {}
                Err(failure) if is_decision(&failure) => return Err(failure),
                // What the request was made for may be gone meanwhile, such as a certificate of the RA.
                Err(failure) => self.journal.log(&format!("{failure}; a new request is made")),
            }
        }
        loop {
            let mut client = Client::new(self.order.client_settings()?);
            let first = client.start();
            if let Some(certificate) = self.run_transaction(&mut client, first).await? {
                return Ok(certificate);
            }
        }
    }

    /// Goes on with a request from before a restart.
    async fn go_on(&mut self, kept: PendingRequest) -> Result<Option<X509>, Failure> {
        let is_answered = kept.is_answered();
        let mut client = Client::resume(self.order.client_settings()?, kept);
        let next = if is_answered {
            self.journal.log("the pending request from before the restart goes on");
            client.poll(&mut rand_bytes)?
        } else {
            self.journal.log("the request is repeated, because its answer may have got lost");
            client.repeat(&mut rand_bytes)?
        };
        self.run_transaction(&mut client, next).await
    }

    /// Exchanges messages with the CA until it has decided; `None` if the enrolment must begin anew.
    async fn run_transaction(
        &mut self,
        client: &mut Client,
        first: HttpRequest,
    ) -> Result<Option<X509>, Failure> {
        let mut request = first;
        loop {
            // Before it is sent, because the answer may get lost.
            self.journal.keep(client.unanswered()).await;
            let Some(response) = self.send(client, &request).await? else { return Ok(None) };
            request = match self.receive(client, &response)? {
                Next::Send(request) => request,
                Next::Pending => {
                    self.journal.keep(client.pending()).await;
                    self.journal.wait_for_decision(&client.exchange()).await;
                    client.poll(&mut rand_bytes)?
                }
                Next::Issued(certificate) => return Ok(Some(certificate)),
            };
            self.log_request(client);
        }
    }

    /// Sends `request` until it is answered. Returns `None` to begin anew if it fails before the CA's certificates are known,
    /// because a repaired server may have other capabilities, and after every few error statuses to it.
    async fn send(
        &mut self,
        client: &Client,
        request: &HttpRequest,
    ) -> Result<Option<HttpResponse>, Failure> {
        let exchange = client.exchange();
        let context = Arc::clone(&self.journal.context);
        loop {
            // Registered before the try, so that a commit during the try also wakes it.
            let woken = context.wake.notified();
            match self.try_to_send(client, request).await {
                Ok(response) => return Ok(Some(response)),
                Err(HttpFailure::Http(http::HttpFailure::Unwritable(error))) => {
                    return Err(Failure::Unwritable { exchange, error });
                }
                Err(failure) => {
                    let is_status = matches!(failure, HttpFailure::Status(_));
                    // A poll is about a request that was sent in time.
                    let is_poll = exchange == Exchange::of(MessageType::CertPoll);
                    let ends = self.order.signer_ends().filter(|_| !is_poll);
                    self.journal.retry_later(&failure.at(&exchange), woken, ends).await?;
                    if is_status && !is_poll && self.journal.tries().is_multiple_of(PATIENCE) {
                        self.starts_over = true;
                        return Ok(None);
                    }
                }
            }
            if client.ca_certificates().is_none() {
                return Ok(None);
            }
        }
    }

    /// Sends once. Any status other than 200 is a failure, except an error status for GetCACaps (RFC 8894 §3.5.2).
    async fn try_to_send(
        &self,
        client: &Client,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpFailure> {
        let server = self.journal.context.server(&self.order.settings);
        let response = server.exchange(request).await?;
        match response.status {
            200 => Ok(response),
            _ if client.capabilities().is_none() && !response.is_redirect() => Ok(response),
            _ => Err(HttpFailure::Status(response.answered())),
        }
    }

    fn receive(&mut self, client: &mut Client, response: &HttpResponse) -> Result<Next, Refusal> {
        let exchange = client.exchange();
        let asked_for_ca = client.capabilities().is_some() && client.ca_certificates().is_none();
        let now = self.journal.context.clock.now();
        let next = client.receive(response, now, &mut rand_bytes);
        if asked_for_ca {
            self.journal.store_ca(client.ca_certificates());
        }
        if client.ca_certificates().is_some() && !(asked_for_ca && self.starts_over) {
            self.journal.reset_retries();
        }
        self.log_answer(&exchange, client, next.as_ref().ok());
        next
    }

    fn log_answer(&self, exchange: &Exchange, client: &Client, next: Option<&Next>) {
        match (next, client.ca_certificates(), client.capabilities()) {
            (Some(Next::Issued(certificate)), ..) => {
                self.journal.log_issued(exchange, self.order, certificate);
            }
            (_, Some(ca), _) if *exchange == Exchange::GetCaCert => {
                self.journal.log_ca(exchange, ca);
                if let Some(unclear) = client.unclear_addressee(self.journal.context.clock.now()) {
                    self.journal.log(&format!("{exchange}: {unclear}"));
                }
            }
            (_, None, Some(capabilities)) if *exchange == Exchange::GetCaCaps => {
                let count = capabilities.known().len() + capabilities.unknown().len();
                let noun = if count == 1 { "capability" } else { "capabilities" };
                self.journal.log(&format!("{exchange}: {count} {noun} ({capabilities})"));
            }
            _ => {}
        }
    }

    fn log_request(&self, client: &Client) {
        if let Some(summary) = client.transaction_summary() {
            self.journal.log(&format!("{} over {summary}", client.exchange()));
        }
    }
}

/// True if the CA has decided about the request: it does not say that it does not know it.
fn is_decision(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(Refusal { reason: Reason::Refused(denial), .. }) => {
            denial.fail_info != Some(FailInfo::BadCertId)
        }
        _ => false,
    }
}
