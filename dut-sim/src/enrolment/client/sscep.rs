//! certnanny's `sscep`: it takes a PKCS#10 with the password from the device, and reports reasons by its exit status.

use async_trait::async_trait;
use openssl::x509::{X509, X509Req};
use scep::algorithm::Digest;
use scep::attribute::MessageType;
use scep::client::{CaCertificates, Exchange};
use scep::request::{ChallengeString, CsrBuilder};

use crate::enrolment::order::Failure;
use crate::enrolment::program::folder::key_pem;
use crate::enrolment::program::job::{Job, Run};
use crate::enrolment::program::version::Version;
use crate::enrolment::program::{
    Adapter, Answer, Error, Program, option_word, recipient, refused, signer,
};

/// Exit statuses for the reasons of RFC 8894 §3.2.1.4.
const FAIL_INFOS: [(i32, &str); 5] = [
    (70, "badAlg"),
    (71, "badMessageCheck"),
    (72, "badRequest"),
    (73, "badTime"),
    (74, "badCertId"),
];
/// Exit statuses if the server was not reached, and if it gave no answer.
const NETWORK: [i32; 2] = [95, 89];
/// Exit status if the CA has not decided and polling has ended.
const PENDING: i32 = 3;

/// Debian has no package up to release 12.
pub(super) const ADAPTER: Adapter = Adapter {
    is_pending: |line| {
        line.contains("pkistatus: PENDING") || line.contains("requesting certificate (#")
    },
    error,
    version: Some(Version { arguments: &[], before: "sscep version " }),
    ..Adapter::of(
        "sscep",
        "certnanny's `sscep`",
        "https://github.com/certnanny/sscep; Debian 12 has no package",
        |job| Ok(Box::new(Sscep::new(job)?)),
    )
};

/// An enrolment by `sscep`.
struct Sscep;

impl Sscep {
    fn new(job: &mut Job<'_>) -> Result<Self, Failure> {
        job.folder.write("key.pem", &key_pem(&job.order.key)?)?;
        job.folder.write("request.pem", &request_pem(job)?)?;
        if let Some(existing) = &job.order.existing {
            job.folder.write("old-key.pem", &key_pem(&existing.key)?)?;
            job.folder.write("old.pem", &existing.certificate.to_pem()?)?;
            job.journal
                .note("sscep has no RenewalReq: it renews by a PKCSReq that the old key signs");
        }
        Ok(Self)
    }
}

#[async_trait]
impl Program for Sscep {
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Error> {
        let url = job.order.settings.endpoint.to_string();
        let mut arguments = vec!["getca", "-u", &url, "-c", "ca.pem", "-v"];
        let identifier = job.order.settings.ca_identifier.as_deref();
        arguments.extend(identifier.iter().flat_map(|identifier| ["-i", identifier]));
        let ended = job.succeed(&Exchange::GetCaCert, &arguments).await?;
        let numbered = (0..scep::MAX_CERTIFICATES).map(|number| format!("ca.pem-{number}"));
        let files = std::iter::once("ca.pem".to_owned()).chain(numbered);
        let certificates = job.stored(&ended, files, X509::from_pem)?;
        if certificates.is_empty() {
            return Err(ended.bad_result("it stored no certificate").into());
        }
        Ok(CaCertificates::sort(certificates)?)
    }

    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Error> {
        let order = job.order;
        job.folder.write("signature.pem", &signer(ca, job.clock().now()).to_pem()?)?;
        job.folder.write("encryption.pem", &recipient(ca, job.clock().now()).to_pem()?)?;
        job.folder.remove("certificate.pem")?;
        let url = order.settings.endpoint.to_string();
        let mut arguments = vec!["enroll", "-u", &url];
        arguments.extend(["-c", "signature.pem", "-e", "encryption.pem", "-k", "key.pem"]);
        arguments.extend(["-r", "request.pem", "-l", "certificate.pem"]);
        arguments.extend(["-t", "1", "-n", "20000", "-v"]);
        if order.existing.is_some() {
            arguments.extend(["-K", "old-key.pem", "-O", "old.pem"]);
        }
        // Up to 0.9 it reads only three letters, so that every AES is AES-256.
        let cipher = order.settings.cipher.map(option_word);
        let digest = order.settings.digest.map(option_word);
        arguments.extend(cipher.iter().flat_map(|word| ["-E", word]));
        arguments.extend(digest.iter().flat_map(|word| ["-S", word]));
        let ended = job.run(&Exchange::of(MessageType::PkcsReq), &arguments).await?;
        if ended.status.code() == Some(PENDING) {
            return Ok(Answer::Pending(ended.exchange));
        }
        if !ended.status.success() {
            return Err(error(&ended));
        }
        Ok(Answer::Issued(job.issued(&ended)?))
    }
}

/// Reads the exit status first, because it is more specific than the output.
fn error(ended: &Run) -> Error {
    let code = ended.status.code().unwrap_or_default();
    if let Some((_, fail_info)) = FAIL_INFOS.iter().find(|(status, _)| *status == code) {
        return refused(&ended.exchange, fail_info);
    }
    match ended.error() {
        Error::Final(_) if NETWORK.contains(&code) => {
            let said =
                ended.last_words().unwrap_or_else(|| "the server was not reached".to_owned());
            Error::Unreached(ended.exchange.clone(), said)
        }
        other => other,
    }
}

fn request_pem(job: &Job<'_>) -> Result<Vec<u8>, Failure> {
    let order = job.order;
    let subject = scep::name::parse(&order.settings.distinguished_name)?;
    let request = CsrBuilder {
        subject: &subject,
        key: &order.key,
        challenge_password: order.password.as_ref(),
        challenge_string: ChallengeString::default(),
        extensions: &order.extensions()?,
        digest: order.settings.digest.unwrap_or(Digest::Sha256),
    };
    Ok(X509Req::from_der(&request.encode()?)?.to_pem()?)
}
