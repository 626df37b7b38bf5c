//! An enrolment by a program of somebody else's: what they have in common. Each has a file of its own below.

mod certmonger;
mod folder;
mod job;
mod reason;
mod scepclient;
mod sscep;
mod strongswan;
mod subject;

use std::path::Path;

use async_trait::async_trait;
use openssl::x509::X509;
use scep::client::CaCertificates;
use scep::http::HttpResponse;

use self::certmonger::Certmonger;
use self::folder::Folder;
use self::job::Job;
use self::scepclient::Scepclient;
use self::sscep::Sscep;
use self::strongswan::Strongswan;
use super::ScepClient;
use super::journal::Journal;
use super::order::{Failure, Order};

/// What the device needs of a program: the CA's certificates, and one of its own.
#[async_trait]
trait Program: Send {
    /// Fetches the CA's certificates; once it has, it is not called again.
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Trouble>;

    /// Asks for the certificate; after [`Answer::Pending`] it is called again, to poll, and after [`Trouble::Later`] to ask
    /// again for what was not answered.
    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Trouble>;
}

/// What came of a request.
enum Answer {
    /// This certificate was issued.
    Issued(X509),
    /// The CA has not decided, in this exchange.
    Pending(String),
}

/// Why a run of a program brought nothing.
enum Trouble {
    /// The server was not reached or did not serve, for this reason: another try may go better.
    Later(String),
    /// It is over.
    Over(Failure),
}

impl<E: Into<Failure>> From<E> for Trouble {
    fn from(failure: E) -> Self {
        Self::Over(failure.into())
    }
}

/// Enrols with the program, until there is a certificate or no hope of one.
pub(super) async fn enrol(
    client: ScepClient,
    program: &Path,
    order: &Order,
    journal: &mut Journal,
) -> Result<X509, Failure> {
    let folder = Folder::new()?;
    let mut job = Job { program, folder: &folder, order, journal };
    let mut adapter = adapter(client, &mut job)?;
    let mut ca = None;
    loop {
        let surroundings = std::sync::Arc::clone(&job.journal.surroundings);
        // Listens from before the try: a commit meanwhile may be what it lacked.
        let woken = surroundings.wake.notified();
        match attempt(&mut *adapter, &mut ca, &mut job).await {
            Ok(certificate) => return Ok(certificate),
            Err(Trouble::Over(failure)) => return Err(failure),
            Err(Trouble::Later(reason)) => job.journal.retry_later(&reason, woken).await,
        }
    }
}

/// The program's own part; the device's own client never comes here.
fn adapter(client: ScepClient, job: &mut Job<'_>) -> Result<Box<dyn Program>, Failure> {
    match client {
        ScepClient::Strongswan => Strongswan::new(job).map(|made| Box::new(made) as _),
        ScepClient::Scepclient => Scepclient::new(job).map(|made| Box::new(made) as _),
        ScepClient::Sscep => Sscep::new(job).map(|made| Box::new(made) as _),
        ScepClient::Certmonger => Certmonger::new(job).map(|made| Box::new(made) as _),
        ScepClient::Builtin => Err(Failure::Ended("the client is no program".to_owned())),
    }
}

/// Goes on where the last attempt ended: what the CA has been asked for it may be deciding, and a password may serve once.
async fn attempt(
    program: &mut dyn Program,
    ca: &mut Option<CaCertificates>,
    job: &mut Job<'_>,
) -> Result<X509, Trouble> {
    let ca = match ca {
        Some(known) => known,
        None => ca.insert(ca_certificates(program, job).await?),
    };
    loop {
        match program.request(job, ca).await? {
            Answer::Issued(certificate) => {
                let certificate = ca.issued(&[certificate], &job.order.key)?;
                job.journal.served();
                job.journal.log_issued(&job.exchange(), &certificate);
                return Ok(certificate);
            }
            Answer::Pending(exchange) => {
                job.journal.served();
                job.journal.wait_for_decision(&exchange).await;
            }
        }
    }
}

async fn ca_certificates(
    program: &mut dyn Program,
    job: &mut Job<'_>,
) -> Result<CaCertificates, Trouble> {
    let ca = program.ca_certificates(job).await?;
    job.journal.served();
    job.journal.log_ca("GetCACert", &ca);
    job.journal.keep_ca(Some(&ca));
    Ok(ca)
}

/// A response as `scep` reads it, made of what a program has fetched.
fn response(body: Vec<u8>) -> HttpResponse {
    HttpResponse { status: 200, content_type: None, body }
}
