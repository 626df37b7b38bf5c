//! micromdm's `scepclient`: it takes the subject apart, and has no option for cipher, digest or the CA's certificates.
//!
//! The password goes by its argument list, for it has no other way.

use std::ffi::OsString;

use async_trait::async_trait;
use scep::algorithm::{Cipher, Digest};
use scep::client::CaCertificates;
use scep::http::{Method, Operation};

use crate::enrolment::http::{HttpFailure, compose, exchange};
use crate::enrolment::order::Failure;
use crate::enrolment::program::folder::key_pem;
use crate::enrolment::program::job::{Job, Run};
use crate::enrolment::program::subject::parts;
use crate::enrolment::program::{Adapter, Answer, Program, Trouble};

/// Its options for the parts of a subject, in the order in which it writes them.
const SUBJECT_OPTIONS: [(&str, &str); 6] = [
    ("C", "-country"),
    ("O", "-organization"),
    ("OU", "-ou"),
    ("L", "-locality"),
    ("ST", "-province"),
    ("CN", "-cn"),
];

/// Renews for the key of the old certificate, for it takes no other.
pub(super) const ADAPTER: Adapter = Adapter {
    keeps_key: true,
    ..Adapter::of("scepclient", "micromdm's `scepclient`", "package `scep`", |job| {
        Ok(Box::new(Scepclient::new(job)?))
    })
};

/// An enrolment by `scepclient`.
struct Scepclient {
    subject: Vec<OsString>,
}

impl Scepclient {
    fn new(job: &mut Job<'_>) -> Result<Self, Failure> {
        let subject = subject(job)?;
        note_what_it_lacks(job);
        job.folder.write("key.pem", &key_pem(&job.order.key)?)?;
        if let Some(existing) = &job.order.existing {
            job.folder.write("certificate.pem", &existing.certificate.to_pem()?)?;
        }
        Ok(Self { subject })
    }

    fn arguments(&self, job: &Job<'_>) -> Vec<OsString> {
        let url = job.order.endpoint.to_string();
        let fixed =
            ["-server-url", &url, "-private-key", "key.pem", "-certificate", "certificate.pem"];
        let mut arguments: Vec<OsString> = fixed.iter().map(OsString::from).collect();
        arguments.extend(self.subject.iter().cloned());
        if let Some(password) = &job.order.password {
            arguments.extend(["-challenge".into(), password.expose().into()]);
        }
        arguments
    }
}

#[async_trait]
impl Program for Scepclient {
    /// It keeps the CA's certificates to itself, so the device asks for them as well.
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Trouble> {
        const EXCHANGE: &str = "GetCACert";
        let (network, endpoint) = (&job.journal.surroundings.network, &job.order.endpoint);
        let request = Operation::GetCaCert { message: None }.to_http(Method::Get);
        let request = compose(endpoint, &request).map_err(|error| {
            let text = format!("{EXCHANGE}: the request cannot be written as HTTP: {error}");
            Failure::Ended(text)
        })?;
        let response = exchange(network, endpoint, request).await;
        match response {
            Ok(response) if response.status == 200 => Ok(CaCertificates::read(&response)?),
            Ok(response) => Err(Trouble::Later(HttpFailure::Status(response.status).at(EXCHANGE))),
            Err(failure) => Err(Trouble::Later(failure.at(EXCHANGE))),
        }
    }

    async fn request(&mut self, job: &mut Job<'_>, _: &CaCertificates) -> Result<Answer, Trouble> {
        // It would take what an earlier run left in place of what is asked for.
        job.folder.remove("csr.pem")?;
        job.folder.remove("self.pem")?;
        let run = Run {
            exchange: job.exchange(),
            arguments: self.arguments(job),
            is_pending: |line| line.contains("pkiStatus=PENDING"),
            is_noise: |_| false,
        };
        let ended = job.run(run).await?;
        if !ended.status.success() {
            return Err(job.trouble(&ended).await);
        }
        let certificate = job.issued(&ended)?;
        let old = job.order.existing.as_ref().map(|existing| &existing.certificate);
        if old.is_some_and(|old| *old == certificate) {
            return Err(job.useless(&ended, "it left the old certificate as it was").into());
        }
        Ok(Answer::Issued(certificate))
    }
}

/// Its options for the configured subject; the three that have a value of their own are set to nothing if need be.
fn subject(job: &Job<'_>) -> Result<Vec<OsString>, Failure> {
    let parts = parts(&job.order.distinguished_name)?;
    for (index, part) in parts.iter().enumerate() {
        let (program, attribute_type) = (job.name(), part.attribute_type.clone());
        if !SUBJECT_OPTIONS.iter().any(|(known, _)| *known == attribute_type) {
            return Err(Failure::AttributeType { program, attribute_type });
        }
        if parts[..index].iter().any(|other| other.attribute_type == attribute_type) {
            return Err(Failure::RepeatedType { program, attribute_type });
        }
    }
    let position = |word: &str| SUBJECT_OPTIONS.iter().position(|(known, _)| *known == word);
    if !parts.iter().map(|part| position(&part.attribute_type)).is_sorted() {
        job.journal.note(
            "scepclient writes a subject in the order C, O, OU, L, ST, CN, whatever is configured",
        );
    }
    let value = |word: &str| {
        let part = parts.iter().find(|part| part.attribute_type == word);
        part.map(|part| part.value.clone()).unwrap_or_default()
    };
    Ok(SUBJECT_OPTIONS
        .iter()
        .flat_map(|(word, option)| [(*option).into(), value(word).into()])
        .collect())
}

fn note_what_it_lacks(job: &Job<'_>) {
    job.journal.note("scepclient does not store the CA's certificates: the device fetches them");
    let order = job.order;
    if order.cipher.is_some_and(|cipher| cipher != Cipher::Des) {
        job.journal.note(
            "scepclient has no option for the cipher: it enciphers with single DES whatever is configured",
        );
    }
    if order.digest.is_some_and(|digest| digest != Digest::Sha1) {
        job.journal.note(
            "scepclient has no option for the digest: it signs with SHA-1 whatever is configured",
        );
    }
    if order.existing.is_some() {
        job.journal.note("scepclient has no option for a new key: it renews the one there is");
    }
}
