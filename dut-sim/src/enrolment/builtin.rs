//! The device's own client: drives `scep`'s state machine, and waits where that cannot.

use std::sync::Arc;
use std::time::SystemTime;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use openssl::rand::rand_bytes;
use openssl::x509::X509;
use scep::client::{Client, Next, Refusal};
use scep::http::{HttpRequest, HttpResponse};

use super::http::{HttpFailure, compose, exchange};
use super::journal::Journal;
use super::order::{Failure, Order};

/// One enrolment by the device itself.
pub(super) struct Builtin<'a> {
    pub(super) order: &'a Order,
    pub(super) journal: &'a mut Journal,
}

impl Builtin<'_> {
    /// Runs until there is a certificate or no hope of one.
    pub(super) async fn enrol(mut self) -> Result<X509, Failure> {
        loop {
            let mut client = Client::new(self.order.client_settings()?);
            if let Some(certificate) = self.converse(&mut client).await? {
                return Ok(certificate);
            }
        }
    }

    /// Talks to the CA until it has decided; nothing when the conversation is to begin anew.
    async fn converse(&mut self, client: &mut Client) -> Result<Option<X509>, Failure> {
        let mut request = client.start();
        loop {
            let Some(response) = self.send(client, &request).await? else { return Ok(None) };
            request = match self.receive(client, &response)? {
                Next::Send(request) => request,
                Next::Pending => {
                    self.journal.wait_for_decision(&client.exchange()).await;
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
        let request = compose(&self.order.settings.endpoint, request)
            .map_err(|error| Failure::Unwritable { exchange: exchange.clone(), error })?;
        let surroundings = Arc::clone(&self.journal.surroundings);
        loop {
            // Listens from before the try: a commit meanwhile may be what it lacked.
            let woken = surroundings.wake.notified();
            match self.try_to_send(client, request.clone()).await {
                Ok(response) => return Ok(Some(response)),
                Err(failure) => {
                    self.journal.retry_later(&failure.at(&exchange), woken).await;
                }
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
        let network = &self.journal.surroundings.network;
        let response = exchange(network, &self.order.settings.endpoint, request).await?;
        match response.status {
            200 => Ok(response),
            _ if client.capabilities().is_none() => Ok(response),
            status => Err(HttpFailure::Status(status)),
        }
    }

    fn receive(&mut self, client: &mut Client, response: &HttpResponse) -> Result<Next, Refusal> {
        let exchange = client.exchange();
        let asked_for_ca = client.capabilities().is_some() && client.ca_certificates().is_none();
        let next = client.receive(response, SystemTime::now(), &mut rand_bytes);
        if asked_for_ca {
            self.journal.keep_ca(client.ca_certificates());
        }
        if client.ca_certificates().is_some() {
            self.journal.served();
        }
        self.log_answer(&exchange, client, next.as_ref().ok());
        next
    }

    fn log_answer(&self, exchange: &str, client: &Client, next: Option<&Next>) {
        match (next, client.ca_certificates(), client.capabilities()) {
            (Some(Next::Issued(certificate)), ..) => self.journal.log_issued(exchange, certificate),
            (_, Some(ca), _) if exchange == "GetCACert" => self.journal.log_ca(exchange, ca),
            (_, None, Some(capabilities)) if exchange == "GetCACaps" => {
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
