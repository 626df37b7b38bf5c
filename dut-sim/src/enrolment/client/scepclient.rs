//! micromdm's `scepclient`: it takes the subject in parts, and has no option for cipher, digest or the CA's certificates.
//!
//! The password is passed as an argument, because it has no other way.

use async_trait::async_trait;
use scep::algorithm::{Cipher, Digest};
use scep::client::{CaCertificates, Exchange};

use crate::enrolment::http::HttpFailure;
use crate::enrolment::order::Failure;
use crate::enrolment::program::folder::key_pem;
use crate::enrolment::program::job::Job;
use crate::enrolment::program::version::Version;
use crate::enrolment::program::{Adapter, Answer, Error, Program};

/// Options for the parts of a subject, in the order in which the program writes them.
const SUBJECT_OPTIONS: [(&str, &str); 6] = [
    ("C", "-country"),
    ("O", "-organization"),
    ("OU", "-ou"),
    ("L", "-locality"),
    ("ST", "-province"),
    ("CN", "-cn"),
];

/// A renewal keeps the key of the old certificate, because the program accepts no other.
pub(super) const ADAPTER: Adapter = Adapter {
    keeps_key: true,
    is_pending: |line| line.contains("pkiStatus=PENDING"),
    // It sends its request again instead.
    sends_cert_polls: false,
    is_progress: |line| line.contains("level=info") || line.contains("level=debug"),
    version: Some(Version { arguments: &["-version"], before: "" }),
    ..Adapter::of("scepclient", "micromdm's `scepclient`", "package `scep`", |job| {
        Ok(Box::new(Scepclient::new(job)?))
    })
};

/// An enrolment by `scepclient`.
struct Scepclient {
    /// Options for the configured subject, each followed by its value.
    subject: Vec<String>,
}

impl Scepclient {
    fn new(job: &mut Job<'_>) -> Result<Self, Failure> {
        let subject = subject(job)?;
        note_missing_options(job);
        job.folder.write("key.pem", &key_pem(&job.order.key)?)?;
        if let Some(existing) = &job.order.existing {
            job.folder.write("certificate.pem", &existing.certificate.to_pem()?)?;
        }
        Ok(Self { subject })
    }
}

#[async_trait]
impl Program for Scepclient {
    /// Fetches the CA's certificates over HTTP, because the program does not store them.
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Error> {
        const EXCHANGE: Exchange = Exchange::GetCaCert;
        let response = job.fetch(&EXCHANGE, &job.order.get_ca_cert()).await?;
        if response.status == 200 {
            Ok(CaCertificates::read(&response)?)
        } else {
            Err(Error::Retry(HttpFailure::Status(response.answered()).at(&EXCHANGE)))
        }
    }

    async fn request(&mut self, job: &mut Job<'_>, _: &CaCertificates) -> Result<Answer, Error> {
        // It would use the files of an earlier run instead of the current request.
        job.folder.remove("csr.pem")?;
        job.folder.remove("self.pem")?;
        let order = job.order;
        let url = order.settings.endpoint.to_string();
        let mut arguments = vec!["-server-url", &url, "-private-key", "key.pem"];
        arguments.extend(["-certificate", "certificate.pem"]);
        arguments.extend(self.subject.iter().map(String::as_str));
        if let Some(password) = &order.password {
            arguments.extend(["-challenge", password.expose()]);
        }
        let ended = job.succeed(&job.exchange(), &arguments).await?;
        let certificate = job.issued(&ended)?;
        if order.existing.as_ref().is_some_and(|existing| existing.certificate == certificate) {
            return Err(ended.bad_result("it left the old certificate as it was").into());
        }
        Ok(Answer::Issued(certificate))
    }
}

/// Options for the configured subject; parts that are not configured are set to nothing, because some have defaults.
fn subject(job: &Job<'_>) -> Result<Vec<String>, Failure> {
    let parts = job.order.subject_parts()?;
    let position = |word: &str| SUBJECT_OPTIONS.iter().position(|(known, _)| *known == word);
    for (index, (attribute_type, _)) in parts.iter().enumerate() {
        let (program, attribute_type) = (job.program_name(), attribute_type.clone());
        if position(&attribute_type).is_none() {
            return Err(Failure::AttributeType { program, attribute_type });
        }
        if parts[..index].iter().any(|(other, _)| *other == attribute_type) {
            return Err(Failure::RepeatedType { program, attribute_type });
        }
    }
    if !parts.iter().map(|(attribute_type, _)| position(attribute_type)).is_sorted() {
        job.journal.note(
            "scepclient writes a subject in the order C, O, OU, L, ST, CN, whatever is configured",
        );
    }
    let option = |(word, option): &(&str, &str)| {
        let value = parts.iter().find(|(attribute_type, _)| attribute_type == word);
        [(*option).to_owned(), value.map(|(_, value)| value.clone()).unwrap_or_default()]
    };
    Ok(SUBJECT_OPTIONS.iter().flat_map(option).collect())
}

fn note_missing_options(job: &Job<'_>) {
    job.journal.note("scepclient does not store the CA's certificates: the device fetches them");
    let settings = &job.order.settings;
    if settings.cipher.is_some_and(|cipher| cipher != Cipher::Des) {
        job.journal.note(
            "scepclient has no option for the cipher: it enciphers with single DES whatever is configured",
        );
    }
    if settings.digest.is_some_and(|digest| digest != Digest::Sha1) {
        job.journal.note(
            "scepclient has no option for the digest: it signs with SHA-1 whatever is configured",
        );
    }
    if settings.ca_identifier.is_some() {
        job.journal.note(
            "scepclient has no option for the identifier of the CA: it asks for the server's own",
        );
    }
    if !settings.extensions.alternative_names.is_empty() {
        job.journal.note("scepclient has no option for these alternative names: it asks for none");
    }
    if job.order.existing.is_some() {
        job.journal.note("scepclient has no option for a new key: it renews the one there is");
    }
}
