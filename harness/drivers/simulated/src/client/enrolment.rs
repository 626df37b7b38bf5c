//! One enrolment with the project's own client through a [`Pki`], and the files that it writes into a folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use scep::certificate::Fingerprint;
use scep::client::{CaCertificates, Client, Next, Refusal, Settings};
use scep::http::{HttpRequest, HttpResponse};
use scep::identity::Identity;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use testbed::pki::{Exchanged, PkiError, ScepService};

/// The pauses before a request is sent again to a server that answers 503 (not available), in milliseconds.
const RETRY_PAUSES_MS: [u64; 3] = [100, 400, 1600];

/// The length of generated keys, in bits.
const KEY_BITS: u32 = 2048;

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
}

/// Why an enrolment failed.
#[derive(Debug, Error)]
pub enum EnrolmentError {
    /// No answer came.
    #[error("{exchange}: {reason}")]
    Unreachable {
        /// The exchange, such as `GetCACaps`.
        exchange: String,
        /// Why there was no answer.
        reason: String,
    },
    /// The CA refused, or the client rejected its answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The CA did not decide in time.
    #[error("the request still waits for a decision after {} s", .0.as_secs_f64())]
    StillPending(Duration),
}

/// Generates a key for a certificate.
///
/// # Errors
/// If OpenSSL fails, or the runtime shuts down.
pub async fn new_key() -> Result<PKey<Private>, String> {
    let generate = || Rsa::generate(KEY_BITS).and_then(PKey::from_rsa);
    let made = tokio::task::spawn_blocking(generate).await.map_err(|error| error.to_string())?;
    made.map_err(|error| format!("no key: {error}"))
}

/// Enrols with the PKI as `settings` say, until there is a certificate or the enrolment has failed.
///
/// # Errors
/// [`EnrolmentError`], if there is no answer, the answer is rejected, or the CA does not decide in time.
pub async fn enrol(
    pki: &dyn ScepService,
    settings: Settings,
    polling: Polling,
) -> Result<Enrolled, EnrolmentError> {
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

/// Sends a request; repeats it if the server is not available at the moment.
async fn send(
    pki: &dyn ScepService,
    client: &Client,
    request: &HttpRequest,
) -> Result<HttpResponse, EnrolmentError> {
    for pause in RETRY_PAUSES_MS {
        let response = exchange(pki, client, request).await?;
        if response.status != 503 {
            return Ok(response);
        }
        sleep(Duration::from_millis(pause)).await;
    }
    exchange(pki, client, request).await
}

async fn exchange(
    pki: &dyn ScepService,
    client: &Client,
    request: &HttpRequest,
) -> Result<HttpResponse, EnrolmentError> {
    let unreachable = |reason| EnrolmentError::Unreachable { exchange: client.exchange(), reason };
    match pki.exchange(request, "").await {
        Ok(Exchanged::Answered(response)) => Ok(response),
        // Some servers that do not know GetCACaps close the connection; that means the same as an error status
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

/// The files of one enrolment in their folder.
#[derive(Debug, Clone)]
pub struct Files(PathBuf);

/// Why files could not be written or read.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The operating system reports an error.
    #[error("`{}`: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The file contains no key or no certificate in PEM.
    #[error("`{}` is not in PEM: {error}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// The error of OpenSSL.
        error: ErrorStack,
    },
}

impl Files {
    /// The files in this folder, which may not exist yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The private key, PKCS#8 in PEM.
    pub fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    /// The issued certificate, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.0.join("cert.pem")
    }

    /// The certificates of the CA and its RA, in PEM.
    pub fn ca(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// Writes the key and the certificates; only the owner can read the key.
    ///
    /// # Errors
    /// If the folder or a file cannot be written.
    pub fn write(&self, key: &PKey<Private>, enrolled: &Enrolled) -> Result<(), FilesError> {
        fs::create_dir_all(&self.0).map_err(at(&self.0))?;
        let (key_path, certificate_path, ca_path) = (self.key(), self.certificate(), self.ca());
        let key = key.private_key_to_pem_pkcs8().map_err(not_pem(&key_path))?;
        self.write_privately(&key_path, &key).map_err(at(&key_path))?;
        let certificate = enrolled.certificate.to_pem().map_err(not_pem(&certificate_path))?;
        fs::write(&certificate_path, certificate).map_err(at(&certificate_path))?;
        let chain = enrolled.ca.ca.iter().chain(&enrolled.ca.ra).map(|one| one.to_pem());
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(not_pem(&ca_path))?;
        fs::write(&ca_path, chain.concat()).map_err(at(&ca_path))
    }

    /// Replaces the file by a new one, because another user may own or read an existing file of that name.
    fn write_privately(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Only its owner can read a temporary file.
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }

    /// The certificate of an earlier enrolment with its key; `None` if there is none.
    ///
    /// # Errors
    /// If an existing file cannot be read.
    pub fn identity(&self) -> Result<Option<Identity>, FilesError> {
        let (key_path, certificate_path) = (self.key(), self.certificate());
        if !key_path.exists() || !certificate_path.exists() {
            return Ok(None);
        }
        let key = fs::read(&key_path).map_err(at(&key_path))?;
        let certificate = fs::read(&certificate_path).map_err(at(&certificate_path))?;
        Ok(Some(Identity {
            key: PKey::private_key_from_pem(&key).map_err(not_pem(&key_path))?,
            certificate: X509::from_pem(&certificate).map_err(not_pem(&certificate_path))?,
        }))
    }
}

/// The fingerprint of the certificate in a file of PEM.
///
/// # Errors
/// If there is no such file, or it contains no certificate.
pub fn fingerprint_of(path: &Path) -> Result<Fingerprint, FilesError> {
    let pem = fs::read(path).map_err(at(path))?;
    X509::from_pem(&pem).and_then(|it| Fingerprint::of(&it)).map_err(not_pem(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |error| FilesError::Io { path, error }
}

fn not_pem(path: &Path) -> impl FnOnce(ErrorStack) -> FilesError {
    let path = path.to_owned();
    move |error| FilesError::Pem { path, error }
}
