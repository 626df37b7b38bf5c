//! One enrolment with the project's own client, over whatever reaches the PKI.

use std::time::{Duration, SystemTime};

use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use scep::client::{CaCertificates, Client, Next, Refusal, Settings};
use scep::http::{HttpRequest, HttpResponse};
use thiserror::Error;
use tokio::time::{Instant, sleep};

use testbed::pki::{Exchanged, Pki, PkiError};

/// How often a request is sent again to a server that says that it is not available.
const RETRIES: usize = 3;

/// The length of the keys that are made, in bits.
const KEY_BITS: u32 = 2048;

/// An enrolment that is to be made.
pub struct Enrolment<'a> {
    /// The PKI.
    pub pki: &'a dyn Pki,
    /// What is asked for.
    pub settings: Settings,
    /// How a request that waits for a decision is asked about.
    pub polling: Polling,
}

/// How a request that waits for a decision is asked about (RFC 8894 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The pause before each CertPoll.
    pub pause: Duration,
    /// How long it is asked at all.
    pub within: Duration,
}

/// What an enrolment brought.
#[derive(Debug)]
pub struct Enrolled {
    /// The certificate that was issued.
    pub certificate: X509,
    /// Those of the CA and its RA.
    pub ca: CaCertificates,
}

/// Why an enrolment brought nothing.
#[derive(Debug, Error)]
pub enum EnrolmentError {
    /// No answer came.
    #[error("{exchange}: {reason}")]
    Unreachable {
        /// The exchange, such as `GetCACaps`.
        exchange: String,
        /// Why none came.
        reason: String,
    },
    /// The CA refused, or its answer had to be refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The CA did not decide.
    #[error("the request still waits for a decision after {} s", .0.as_secs_f64())]
    StillPending(Duration),
}

/// Makes a key to be certified.
///
/// # Errors
/// When OpenSSL cannot, or nobody waits for it any more.
pub async fn new_key() -> Result<PKey<Private>, String> {
    let generate = || Rsa::generate(KEY_BITS).and_then(PKey::from_rsa);
    let made = tokio::task::spawn_blocking(generate).await.map_err(|error| error.to_string())?;
    made.map_err(|error| format!("no key: {error}"))
}

impl Enrolment<'_> {
    /// Runs until there is a certificate or no hope of one.
    ///
    /// # Errors
    /// [`EnrolmentError`], where no answer comes, one is to be refused, or the CA does not decide in time.
    pub async fn run(self) -> Result<Enrolled, EnrolmentError> {
        let Self { pki, settings, polling } = self;
        let mut client = Client::new(settings);
        let mut request = client.start();
        let mut pending_since = None;
        loop {
            let response = send(pki, &client, &request).await?;
            request = match client.receive(&response, SystemTime::now(), &mut rand_bytes)? {
                Next::Send(request) => request,
                Next::Pending => {
                    let since = *pending_since.get_or_insert_with(Instant::now);
                    if since.elapsed() + polling.pause > polling.within {
                        return Err(EnrolmentError::StillPending(polling.within));
                    }
                    sleep(polling.pause).await;
                    client.poll(&mut rand_bytes)?
                }
                Next::Issued(certificate) => {
                    let none = CaCertificates { ca: Vec::new(), ra: Vec::new() };
                    let ca = client.ca_certificates().cloned().unwrap_or(none);
                    return Ok(Enrolled { certificate, ca });
                }
            };
        }
    }
}

/// Sends a request; a server that is not available for the moment is asked again.
async fn send(
    pki: &dyn Pki,
    client: &Client,
    request: &HttpRequest,
) -> Result<HttpResponse, EnrolmentError> {
    let mut pause = Duration::from_millis(100);
    for _ in 0..RETRIES {
        let response = exchange(pki, client, request).await?;
        if response.status != 503 {
            return Ok(response);
        }
        sleep(pause).await;
        pause *= 4;
    }
    exchange(pki, client, request).await
}

async fn exchange(
    pki: &dyn Pki,
    client: &Client,
    request: &HttpRequest,
) -> Result<HttpResponse, EnrolmentError> {
    let unreachable = |reason| EnrolmentError::Unreachable { exchange: client.exchange(), reason };
    match pki.exchange(request, "").await {
        Ok(Exchanged::Answered(response)) => Ok(response),
        // Servers that do not know GetCACaps have been seen to close the connection; it means what an error does
        // (RFC 8894 §3.5.2).
        Ok(Exchanged::Unanswered(_)) if client.capabilities().is_none() => {
            Ok(HttpResponse { status: 500, content_type: None, body: Vec::new() })
        }
        Ok(Exchanged::Unanswered(reason)) | Err(PkiError::Broken { reason }) => {
            Err(unreachable(reason))
        }
        Err(error @ PkiError::NotSupported { .. }) => Err(unreachable(error.to_string())),
    }
}
