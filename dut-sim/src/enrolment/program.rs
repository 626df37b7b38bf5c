//! Enrolments by external programs: the parts that all programs share.

pub(super) mod folder;
pub(super) mod job;
mod output;
pub(super) mod time;
pub(super) mod version;

use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use openssl::x509::{X509, X509Ref};
use process::is_executable;
use scep::certificate::{allows, is_issued_by, is_valid};
use scep::client::{CaCertificates, Exchange};
use scep::key_usage::KeyUsage;

use self::folder::Folder;
use self::job::{Job, Run};
use self::version::Version;
use super::builtin::PATIENCE;
use super::journal::Journal;
use super::order::{Failure, Missing, Order};

/// Describes a program as a client: its place, its use, and the meaning of its output.
pub(super) struct Adapter {
    /// File name of the program.
    pub(super) file: &'static str,
    /// Common name of the program.
    pub(super) name: &'static str,
    /// Source of the program.
    pub(super) origin: &'static str,
    /// Folders to search besides the path.
    pub(super) folders: &'static [&'static str],
    /// Checks that a file of this name is the program and can enrol.
    pub(super) examine: fn(&Path) -> Result<(), Unusable>,
    /// True if a renewal keeps the key of the old certificate.
    pub(super) keeps_key: bool,
    /// Begins an enrolment.
    pub(super) begin: fn(&mut Job<'_>) -> Result<Box<dyn Program>, Failure>,
    /// True for a printed line that says that the CA has not decided and the program polls.
    pub(super) is_pending: fn(&str) -> bool,
    /// True for a printed line that is never relevant.
    pub(super) is_noise: fn(&str) -> bool,
    /// True for a printed line that is never the reason of a failure.
    pub(super) is_progress: fn(&str) -> bool,
    /// True if the program polls with CertPoll, as RFC 8894 §4.4 says.
    pub(super) sends_cert_polls: bool,
    /// Error of a failed run.
    pub(super) error: fn(&Run) -> Error,
    /// How the program tells its version, if it does.
    pub(super) version: Option<Version>,
}

/// An installed program.
pub(super) struct Installed {
    pub(super) adapter: &'static Adapter,
    pub(super) program: PathBuf,
}

/// Why a file of the right name cannot be used.
pub(super) enum Unusable {
    /// Another program, for this reason.
    Another(&'static str),
    /// The right program, but a part is missing.
    Incomplete(Missing),
}

impl Adapter {
    /// Adapter of a program that needs no examination, takes any key, never polls, and prints nothing special.
    pub(super) const fn of(
        file: &'static str,
        name: &'static str,
        origin: &'static str,
        begin: fn(&mut Job<'_>) -> Result<Box<dyn Program>, Failure>,
    ) -> Self {
        Self {
            file,
            name,
            origin,
            folders: &[],
            examine: |_| Ok(()),
            keeps_key: false,
            begin,
            is_pending: |_| false,
            is_noise: |_| false,
            is_progress: |_| false,
            sends_cert_polls: true,
            error: Run::error,
            version: None,
        }
    }

    /// Finds the program on `path` or in the folders of packages.
    pub(super) fn find(&'static self, path: Option<&OsStr>) -> Result<Installed, Missing> {
        let folders = path.into_iter().flat_map(env::split_paths);
        let folders = folders.chain(self.folders.iter().map(PathBuf::from));
        let mut another = None;
        for program in folders.map(|folder| folder.join(self.file)).filter(|it| is_executable(it)) {
            match (self.examine)(&program) {
                Ok(()) => return Ok(Installed { adapter: self, program }),
                Err(Unusable::Incomplete(missing)) => return Err(missing),
                Err(Unusable::Another(why)) => {
                    another.get_or_insert(format!(": `{}` {why}; this program", program.display()));
                }
            }
        }
        let program = format!("{}{}", self.name, another.unwrap_or_default());
        Err(Missing { program, origin: self.origin })
    }
}

/// An enrolment by a program: fetching the CA's certificates, then requesting a certificate.
#[async_trait]
pub(super) trait Program: Send {
    /// Fetches the CA's certificates. It is not called again after a success: after several error statuses to the request, another program
    /// begins.
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Error>;

    /// Requests the certificate. It is called again to poll after [`Answer::Pending`], and to repeat the request after
    /// [`Error::Retry`].
    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Error>;
}

/// Answer to a request.
pub(super) enum Answer {
    /// The issued certificate.
    Issued(X509),
    /// The CA has not decided; with the exchange.
    Pending(Exchange),
}

/// Why a run of a program failed.
pub(super) enum Error {
    /// The server gave no usable answer, for this reason; another try may succeed.
    Retry(String),
    /// The server was not reached, with the exchange and the program's message; another try may succeed.
    Unreached(Exchange, String),
    /// The enrolment has failed for good.
    Final(Failure),
}

impl<E: Into<Failure>> From<E> for Error {
    fn from(failure: E) -> Self {
        Self::Final(failure.into())
    }
}

/// Enrols with the program until a certificate is issued or the enrolment has failed for good.
pub(super) async fn enrol(
    installed: &Installed,
    order: &Order,
    journal: &mut Journal,
) -> Result<X509, Failure> {
    let mut job = Job { installed, folder: Folder::new()?, order, journal };
    let mut program = (installed.adapter.begin)(&mut job)?;
    let mut transaction = Transaction::default();
    loop {
        let context = Arc::clone(&job.journal.context);
        // Registered before the try, so that a commit during the try also wakes it.
        let woken = context.wake.notified();
        let (reason, is_answered) = match attempt(&mut *program, &mut transaction, &mut job).await {
            Ok(certificate) => return Ok(certificate),
            Err(Error::Final(failure)) => return Err(failure),
            Err(Error::Retry(reason)) => (reason, true),
            Err(Error::Unreached(exchange, line)) => (job.unreached(&exchange, &line).await, false),
        };
        job.journal.retry_later(&reason, woken, order.signer_ends()).await?;
        if is_answered && !transaction.is_pending && job.journal.tries().is_multiple_of(PATIENCE) {
            program = (installed.adapter.begin)(&mut job)?;
            transaction = Transaction { starts_over: true, ..Transaction::default() };
        }
    }
}

/// What is known of an enrolment between two tries.
#[derive(Default)]
struct Transaction {
    /// The certificates of the CA.
    ca: Option<CaCertificates>,
    /// True if the CA has not decided about the request.
    is_pending: bool,
    /// True if an earlier one had no success, so that its tries count as well.
    starts_over: bool,
}

/// Continues where the last attempt ended, because the CA may have a pending request and a password may be valid only once.
async fn attempt(
    program: &mut dyn Program,
    transaction: &mut Transaction,
    job: &mut Job<'_>,
) -> Result<X509, Error> {
    let Transaction { ca, is_pending, starts_over } = transaction;
    let ca = if let Some(known) = ca {
        known
    } else {
        let mut received = program.ca_certificates(job).await?;
        if !*starts_over {
            job.journal.reset_retries();
        }
        job.journal.log_ca(&Exchange::GetCaCert, &received);
        job.journal.store_ca(Some(&received));
        if let Some(fingerprint) = &job.order.settings.ca_fingerprint {
            let announced = &job.order.announced;
            received = received.trusted_or_announced(fingerprint.octets(), announced)?;
        }
        ca.insert(received)
    };
    loop {
        match program.request(job, ca).await? {
            Answer::Issued(certificate) => {
                let certificate = ca.issued(&[certificate], &job.order.key)?;
                job.journal.reset_retries();
                job.journal.log_issued(&job.exchange(), job.order, &certificate);
                return Ok(certificate);
            }
            Answer::Pending(exchange) => {
                *is_pending = true;
                job.journal.reset_retries();
                job.journal.wait_for_decision(&exchange).await;
            }
        }
    }
}

/// The certificate to encipher requests to.
pub(super) fn recipient(ca: &CaCertificates, now: SystemTime) -> &X509Ref {
    ca.recipient(now)
}

/// The certificate of the issuing CA.
pub(super) fn issuer(ca: &CaCertificates, now: SystemTime) -> &X509Ref {
    ca.issuer(now)
}

/// The certificate that most likely signs the replies: a valid one of the RA of the issuing CA, or else the issuing CA's.
pub(super) fn signer(ca: &CaCertificates, now: SystemTime) -> &X509Ref {
    let issuer = ca.issuer(now);
    let signs = |ra: &&X509| allows(ra, KeyUsage::DIGITAL_SIGNATURE) && is_issued_by(ra, issuer);
    let mut ra: Vec<_> = ca.ra.iter().filter(signs).collect();
    ra.sort_by_key(|one| !is_valid(one, now));
    ra.into_iter().next().map_or(issuer, AsRef::as_ref)
}

/// Name of an algorithm in options of programs: `sha256`.
pub(super) fn option_word(algorithm: impl Display) -> String {
    algorithm.to_string().replace('-', "").to_lowercase()
}

/// Error of a request that the CA refused.
pub(super) fn refused(exchange: &Exchange, fail_info: &str) -> Error {
    Failure::Ended(format!("{exchange} was answered FAILURE, {fail_info}")).into()
}
