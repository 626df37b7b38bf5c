//! certmonger's `scep-submit`: it sends messages and verifies replies; the device makes the message and opens the envelope.

use std::cmp::Ordering;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::pkcs7::Pkcs7;
use openssl::rand::rand_bytes;
use openssl::x509::{X509, X509Ref};
use scep::certs_only;
use scep::client::{CaCertificates, Client, Exchange, Next, Verified};
use scep::clock::Clock;
use scep::http::{HttpRequest, HttpResponse, Operation};

use crate::enrolment::order::Failure;
use crate::enrolment::program::job::{Job, Run};
use crate::enrolment::program::{Adapter, Answer, Error, Program, issuer, refused, signer};

/// Beginnings of the texts that it prints for the reasons of RFC 8894 §3.2.1.4.
const FAIL_INFOS: [(&str, &str); 5] = [
    ("Unrecognized or unsupported algorithm", "badAlg"),
    ("Integrity check", "badMessageCheck"),
    ("Transaction either is not permitted", "badRequest"),
    ("Message time", "badTime"),
    ("No certificate", "badCertId"),
];

/// OpenSSL's words for a signed message without content, which the program does not verify.
const NO_CONTENT: &str = "PKCS7 routines::no content";

/// Beginnings of the lines with which `-v` shows requests and responses. Only their status is not in other lines.
const DETAILS: [&str; 6] =
    ["GET \"", "content-type = ", "code = ", "code_text = ", "results = ", "Using "];
const STATUS: &str = "response_code = ";

/// The program is a helper outside the path, in a folder that depends on the distribution.
pub(super) const ADAPTER: Adapter = Adapter {
    folders: &["/usr/lib/certmonger", "/usr/libexec/certmonger", "/usr/lib64/certmonger"],
    is_noise: |line| DETAILS.iter().any(|begin| line.starts_with(begin)),
    is_progress: |line| line.starts_with("-----") || line.starts_with(STATUS),
    error,
    ..Adapter::of("scep-submit", "certmonger's `scep-submit`", "package `certmonger`", |job| {
        Ok(Box::new(Certmonger::new(job)?))
    })
};

/// An enrolment by `scep-submit`.
struct Certmonger {
    client: Client,
    clock: Clock,
    /// Next message to send, and whether it is a poll.
    message: Option<(Vec<u8>, bool)>,
}

impl Certmonger {
    fn new(job: &mut Job<'_>) -> Result<Self, Failure> {
        job.journal.note("scep-submit sends messages by GET alone, whatever the CA offers");
        Ok(Self {
            client: Client::new(job.order.client_settings()?),
            clock: job.clock(),
            message: None,
        })
    }

    /// Processes a body that the program has fetched.
    fn receive(&mut self, body: Vec<u8>) -> Result<Next, Failure> {
        let response = HttpResponse { status: 200, body, ..HttpResponse::default() };
        Ok(self.client.receive(&response, self.clock.now(), &mut rand_bytes)?)
    }
}

#[async_trait]
impl Program for Certmonger {
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Error> {
        self.client = Client::new(job.order.client_settings()?);
        self.client.start();
        let url = job.order.settings.endpoint.to_string();
        let identifier = job.order.settings.ca_identifier.clone();
        let identifier: Vec<&str> = identifier.iter().flat_map(|it| ["-i", it]).collect();
        let question = [&["-u", &url, "-c"], &identifier[..]].concat();
        let capabilities = job.succeed(&Exchange::GetCaCaps, &question).await?;
        self.receive(capabilities.stdout)?;
        let question = [&["-u", &url, "-C"], &identifier[..]].concat();
        let ended = job.succeed(&Exchange::GetCaCert, &question).await?;
        let certificates = X509::stack_from_pem(&ended.stdout).unwrap_or_default();
        if certificates.is_empty() {
            note_namesakes(job).await;
            return Err(ended.bad_result("it printed no certificate").into());
        }
        let mut ca = CaCertificates::sort(certificates)?;
        // It prints the RA's encryption certificate first; NDES sends it after the signing certificate.
        ca.ra.reverse();
        let all: Vec<_> = ca.ca.iter().chain(&ca.ra).cloned().collect();
        let next = self.receive(certs_only::encode(&all, &[])?);
        // Stored before further checks, so that the operator can see them.
        job.journal.store_ca(self.client.ca_certificates());
        let Next::Send(request) = next? else {
            return Err(Failure::Ended("GetCACert: there is no request".to_owned()).into());
        };
        self.message = Some((message_of(&request)?, false));
        Ok(ca)
    }

    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Error> {
        let (message, is_poll) = match self.message.take() {
            Some(message) => message,
            None => (message_of(&self.client.poll(&mut rand_bytes)?)?, true),
        };
        let exchange = self.client.exchange();
        job.folder.write("message.pem", &Pkcs7::from_der(&message)?.to_pem()?)?;
        // It verifies a reply with the certificates of the signing RA, of the CA, and the others.
        write_pem(job, "ra.pem", [signer(ca, job.clock().now())])?;
        write_pem(job, "ca.pem", [issuer(ca, job.clock().now())])?;
        write_pem(job, "others.pem", ca.ra.iter().chain(&ca.ca).map(AsRef::as_ref))?;
        let url = job.order.settings.endpoint.to_string();
        let mut arguments =
            vec!["-v", "-u", &url, "-r", "ra.pem", "-N", "ca.pem", "-I", "others.pem"];
        arguments.extend([if is_poll { "-g" } else { "-p" }, "message.pem"]);
        let ended = job.run(&exchange, &arguments).await?;
        let answer = match ended.status.code() {
            Some(0) => {
                let envelope = envelope(&ended)?;
                self.client.receive_verified(Verified::Success { envelope: &envelope })?
            }
            Some(1 | 5) => self.client.receive_verified(Verified::Pending)?,
            _ => {
                // If the server did not answer properly, the same message is sent again.
                self.message = Some((message, is_poll));
                if ended.lines.iter().any(|line| line.contains(NO_CONTENT)) {
                    job.journal.limit(
                        "the client `certmonger` does not verify a reply without content (`no content`), and PENDING and FAILURE have \
                         none (RFC 8894 §3.3.2)",
                    );
                }
                return Err(error(&ended));
            }
        };
        match answer {
            Next::Issued(certificate) => Ok(Answer::Issued(certificate)),
            Next::Pending | Next::Send(_) => Ok(Answer::Pending(exchange)),
        }
    }
}

/// Reports that the program printed nothing because of CAs of one name: each looks to it like the issuer of the others, and it finds no
/// certificate to begin with.
async fn note_namesakes(job: &Job<'_>) {
    let Ok(answer) = job.fetch(&Exchange::GetCaCert, &job.order.get_ca_cert()).await else {
        return;
    };
    let Ok(CaCertificates { ca, .. }) = CaCertificates::read(&answer) else { return };
    let is_named = |one: &X509Ref, other: &X509Ref| {
        let same = one.subject_name().try_cmp(other.subject_name());
        same.is_ok_and(Ordering::is_eq)
    };
    if ca.iter().enumerate().any(|(at, one)| ca[..at].iter().any(|other| is_named(one, other))) {
        job.journal.limit(
            "the client `certmonger` prints no certificate if several of a CA have one name",
        );
    }
}

fn write_pem<'a>(
    job: &Job<'_>,
    name: &str,
    certificates: impl IntoIterator<Item = &'a X509Ref>,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for one in certificates {
        all.extend(one.to_pem()?);
    }
    Ok(job.folder.write(name, &all)?)
}

fn error(ended: &Run) -> Error {
    let said = |begin: &str| ended.lines.iter().any(|line| line.contains(begin));
    if let Some((_, fail_info)) = FAIL_INFOS.iter().find(|(begin, _)| said(begin)) {
        return refused(&ended.exchange, fail_info);
    }
    // It asks for the capabilities first, each time.
    let status = ended.lines.iter().rev().find_map(|line| line.strip_prefix(STATUS));
    match status.and_then(|status| status.parse::<u16>().ok()).filter(|status| *status > 200) {
        Some(status) => Error::Retry(format!("{} was answered HTTP {status}", ended.exchange)),
        None => ended.error(),
    }
}

/// The message of a request that the program sends.
fn message_of(request: &HttpRequest) -> Result<Vec<u8>, Failure> {
    match Operation::from_http(request) {
        Ok(Operation::PkiOperation(message)) => Ok(message),
        _ => Err(Failure::Ended("PKIOperation: there is no message".to_owned())),
    }
}

/// The envelope that the program printed.
fn envelope(ended: &Run) -> Result<Vec<u8>, Failure> {
    let text = String::from_utf8_lossy(&ended.stdout);
    let body: String = text
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN "))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END "))
        .collect();
    match BASE64.decode(body) {
        Ok(envelope) if !envelope.is_empty() => Ok(envelope),
        _ => Err(ended.bad_result("it printed no envelope")),
    }
}
