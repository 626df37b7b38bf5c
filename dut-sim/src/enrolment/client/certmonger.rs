//! certmonger's `scep-submit`: it sends messages and verifies replies; the device makes the message and opens the envelope.

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

/// The program is a helper outside the path, in a folder that depends on the distribution.
pub(super) const ADAPTER: Adapter = Adapter {
    folders: &["/usr/lib/certmonger", "/usr/libexec/certmonger", "/usr/lib64/certmonger"],
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
        let mut arguments = vec!["-u", &url, "-r", "ra.pem", "-N", "ca.pem", "-I", "others.pem"];
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
                return Err(error(&ended));
            }
        };
        match answer {
            Next::Issued(certificate) => Ok(Answer::Issued(certificate)),
            Next::Pending | Next::Send(_) => Ok(Answer::Pending(exchange)),
        }
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
    match FAIL_INFOS.iter().find(|(begin, _)| said(begin)) {
        Some((_, fail_info)) => refused(&ended.exchange, fail_info),
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
