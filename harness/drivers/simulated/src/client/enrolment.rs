//! One enrolment with the project's own client through a PKI.

use std::fmt;
use std::time::{Duration, SystemTime};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::x509::X509;
use scep::client::{CaCertificates, Client, Exchange, Next, Refusal, Settings};
use scep::clock::{Clock, duration_text};
use scep::http::{HttpRequest, HttpResponse};
use scep::key::KeyKind;
use scep::request::differences;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use testbed::NoAnswer;
use testbed::pki::{Exchanged, ScepService};

/// The pauses before a request is sent again to a server that answers 503 (not available), in milliseconds.
const RETRY_PAUSES_MS: [u64; 3] = [100, 400, 1600];

/// How often and how long to poll for the CA's decision (RFC 8894 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The pause before each CertPoll.
    pub pause: Duration,
    /// The total timeout of polling.
    pub within: Duration,
}

/// The result of an enrolment.
#[derive(Debug)]
pub struct Enrolled {
    /// The certificate that was issued.
    pub certificate: X509,
    /// The certificates of the CA and its RA.
    pub ca: CaCertificates,
    /// The time at which it came.
    pub at: SystemTime,
    /// Differences of the certificate from the request, each as a sentence.
    pub differences: Vec<String>,
}

/// Why an enrolment failed.
#[derive(Debug, Error)]
pub enum EnrolmentError {
    /// No answer came.
    #[error("{exchange}: {reason}")]
    Unreachable {
        /// The exchange.
        exchange: Exchange,
        /// Why there was no answer.
        reason: NoAnswer,
    },
    /// The CA refused, or the client rejected its answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The CA did not decide in time.
    #[error("the request still waits for a decision after {} s", .0.as_secs_f64())]
    StillPending(Duration),
}

/// The error for a key that OpenSSL cannot generate.
#[derive(Debug, Error)]
#[error("no key could be made: OpenSSL says {}", scep::reasons(.0))]
pub struct KeyError(ErrorStack);

/// Something that an enrolment makes silently of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// What came in place of capabilities, and what is made of it.
    NoCapabilities(String),
    /// Several certificates of the CA can receive requests; the text names the one that the request is addressed to.
    UnclearAddressee(String),
    /// The CA has not decided; what is done about it.
    Pending(Pending),
}

/// A request that waits for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Number of the polls so far.
    pub polls: usize,
    /// The time since the first answer that it waits.
    pub since: Duration,
    /// How it is polled.
    pub polling: Polling,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Polling { pause, within } = self.polling;
        let (pause, within) = (duration_text(pause), duration_text(within));
        write!(
            f,
            "the CA has not decided (PENDING): it is asked again every {pause}, for {within} at most"
        )
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCapabilities(text) | Self::UnclearAddressee(text) => f.write_str(text),
            Self::Pending(pending) => pending.fmt(f),
        }
    }
}

/// Generates a key of this kind for a certificate.
///
/// # Errors
/// If OpenSSL fails.
pub async fn new_key(kind: KeyKind) -> Result<PKey<Private>, KeyError> {
    testbed::new_key(kind).await.map_err(KeyError)
}

/// Enrols with the PKI as `settings` say, until there is a certificate or the enrolment has failed. `remark` gets each remark.
///
/// # Errors
/// [`EnrolmentError`], if there is no answer, the answer is rejected, or the CA does not decide in time.
pub async fn enrol(
    pki: &dyn ScepService,
    settings: Settings,
    polling: Polling,
    clock: &Clock,
    remark: impl Fn(Remark),
) -> Result<Enrolled, EnrolmentError> {
    let mut client = Client::new(settings);
    let mut request = client.start();
    let (mut pending_since, mut polls, mut unlisted) = (None, 0, None);
    loop {
        let (response, silence) = send(pki, &client, &request).await?;
        let is_first = client.capabilities().is_none();
        request = match client.receive(&response, clock.now(), &mut rand_bytes)? {
            Next::Send(request) if is_first => {
                let silence = silence.map(|reason| format!("GetCACaps was not answered: {reason}"));
                unlisted = silence.or_else(|| without_capabilities(&response));
                unlisted = unlisted.map(|came| format!("{came}: {WITHOUT_CAPABILITIES}"));
                request
            }
            Next::Send(request) => {
                // Not before, because the server is now known to be a CA.
                let unclear = client.unclear_addressee(clock.now());
                unlisted.take().map(Remark::NoCapabilities).into_iter().for_each(&remark);
                unclear.map(Remark::UnclearAddressee).into_iter().for_each(&remark);
                request
            }
            Next::Pending => {
                let since = *pending_since.get_or_insert_with(Instant::now);
                if since.elapsed() + polling.pause > polling.within {
                    return Err(EnrolmentError::StillPending(polling.within));
                }
                remark(Remark::Pending(Pending { polls, since: since.elapsed(), polling }));
                polls += 1;
                sleep(polling.pause).await;
                client.poll(&mut rand_bytes)?
            }
            Next::Issued(certificate) => {
                let none = CaCertificates { ca: Vec::new(), ra: Vec::new() };
                let ca = client.ca_certificates().cloned().unwrap_or(none);
                let Settings { subject, extensions, .. } = client.settings();
                let at = clock.now();
                let differences = differences(subject, extensions, &certificate, at);
                return Ok(Enrolled { certificate, ca, at, differences });
            }
        };
    }
}

/// What is made of a CA that lists no capabilities.
const WITHOUT_CAPABILITIES: &str = "the CA is taken for one without capabilities (RFC 8894 §3.5.2)";

/// What came in place of capabilities.
fn without_capabilities(response: &HttpResponse) -> Option<String> {
    let came = match response.status {
        200 => format!("was answered with {}", response.capabilities().err()?),
        _ => response.answered(),
    };
    Some(format!("GetCACaps {came}"))
}

/// Sends a request; repeats it if the server is not available at the moment. A missing answer to GetCACaps is one with an error
/// status, and the reason why it is missing.
async fn send(
    pki: &dyn ScepService,
    client: &Client,
    request: &HttpRequest,
) -> Result<(HttpResponse, Option<String>), EnrolmentError> {
    for pause in RETRY_PAUSES_MS {
        let answer = exchange(pki, client, request).await?;
        if answer.0.status != 503 {
            return Ok(answer);
        }
        sleep(Duration::from_millis(pause)).await;
    }
    exchange(pki, client, request).await
}

async fn exchange(
    pki: &dyn ScepService,
    client: &Client,
    request: &HttpRequest,
) -> Result<(HttpResponse, Option<String>), EnrolmentError> {
    let unreachable = |reason| EnrolmentError::Unreachable { exchange: client.exchange(), reason };
    match pki.exchange(request, "").await {
        // Some servers that do not know GetCACaps close the connection; that means the same as an error status
        // (RFC 8894 §3.5.2).
        Ok(Exchanged::Unanswered(reason)) if client.capabilities().is_none() => {
            Ok((HttpResponse { status: 500, ..HttpResponse::default() }, Some(reason.to_string())))
        }
        Ok(exchanged) => exchanged.response().map(|response| (response, None)).map_err(unreachable),
        Err(error) => Err(unreachable(error.into())),
    }
}
