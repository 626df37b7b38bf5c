//! strongSwan's `pki --scepca` and `pki --scep`: the password goes by a file of options, the polling is its own.

mod installation;

use std::ffi::OsString;
use std::fmt::Write as _;

use async_trait::async_trait;
use openssl::x509::{X509, X509Ref};
use scep::algorithm::Cipher;
use scep::client::CaCertificates;

use crate::enrolment::order::Failure;
use crate::enrolment::program::folder::key_pem;
use crate::enrolment::program::job::{Ended, Job, Run};
use crate::enrolment::program::subject::parts;
use crate::enrolment::program::{Adapter, Answer, Program, Trouble, option_word};

/// More certificates of a CA or RA than anybody has.
const MOST: usize = scep::MAX_CERTIFICATES;

/// Of the programs named `pki` it is the one that has SCEP.
pub(super) const ADAPTER: Adapter = Adapter {
    examine: installation::examine,
    ..Adapter::of("pki", "strongSwan's `pki`", "package `strongswan-pki`", |job| {
        Ok(Box::new(Strongswan::new(job)?))
    })
};

/// An enrolment by strongSwan's `pki`.
struct Strongswan {
    distinguished_name: String,
}

impl Strongswan {
    fn new(job: &Job<'_>) -> Result<Self, Failure> {
        let name = distinguished_name(job)?;
        job.folder.write("key.pem", &key_pem(&job.order.key)?)?;
        if let Some(existing) = &job.order.existing {
            job.folder.write("old-key.pem", &key_pem(&existing.key)?)?;
            job.folder.write("old.der", &existing.certificate.to_der()?)?;
        }
        Ok(Self { distinguished_name: name })
    }

    /// The options, in the file that keeps the password off the list of arguments.
    fn options(&self, job: &Job<'_>, ca: &CaCertificates) -> Result<String, Trouble> {
        let order = job.order;
        let signer = ca.signers().first().copied().unwrap_or_else(|| ca.issuer());
        let mut options = format!(
            "--url {}\n--in key.pem\n--dn {}\n--interval 1\n--outform pem\n",
            order.endpoint,
            quoted(&self.distinguished_name),
        );
        let mut add = |option: &str, value: &str| {
            let _ = writeln!(options, "--{option} {value}");
        };
        add("cacert-enc", &write_der(job, "encryption.der", ca.recipient())?);
        add("cacert-sig", &write_der(job, "signature.der", signer)?);
        for (index, one) in ca.ca.iter().enumerate() {
            add("cacert", &write_der(job, &format!("issuer-{index}.der"), one)?);
        }
        if order.existing.is_some() {
            add("cert", "old.der");
            add("key", "old-key.pem");
        }
        if let Some(cipher) = order.cipher {
            add("cipher", cipher_word(cipher));
        }
        if let Some(digest) = order.digest {
            add("digest", &option_word(digest));
        }
        if let Some(password) = &order.password {
            let word = quoted(password.expose());
            if password.expose().contains(['\n', '"']) {
                let text =
                    "PKIOperation: `pki` cannot be given a password with a quote or a line break";
                return Err(Failure::Ended(text.to_owned()).into());
            }
            add("password", &word);
        }
        Ok(options)
    }
}

#[async_trait]
impl Program for Strongswan {
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Trouble> {
        let url = job.order.endpoint.to_string();
        let arguments =
            ["--scepca", "--url", &url, "--caout", "ca.der", "--raout", "ra.der", "--force"];
        let ended = job.run(run("GetCACert".to_owned(), &arguments)).await?;
        if !ended.status.success() {
            return Err(trouble(job, ended).await);
        }
        let ca = job.stored(&ended, files("ca", &["ca-root", "ca"]), X509::from_der)?;
        // It stores the one received last first.
        let ra = job.stored(&ended, files("ra", &["ra"]), X509::from_der)?.into_iter().rev();
        let all: Vec<_> = ca.into_iter().chain(ra).collect();
        if all.is_empty() {
            return Err(job.useless(&ended, "it stored no certificate").into());
        }
        Ok(CaCertificates::sort(all)?)
    }

    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Trouble> {
        let options = self.options(job, ca)?;
        job.folder.write("options", options.as_bytes())?;
        let ended = job.run(run(job.exchange(), &["--scep", "--options", "options"])).await?;
        if !ended.status.success() {
            return Err(trouble(job, ended).await);
        }
        match X509::from_pem(&ended.stdout) {
            Ok(certificate) => Ok(Answer::Issued(certificate)),
            Err(_) => Err(job.useless(&ended, "it printed no certificate").into()),
        }
    }
}

/// What the CA does not offer is found in its capabilities, though `pki` asks for them only now.
async fn trouble(job: &Job<'_>, mut ended: Ended) -> Trouble {
    const NOT_OFFERED: [&str; 2] = ["not supported by CA", "not supported by the CA"];
    if ended.lines.iter().any(|line| NOT_OFFERED.iter().any(|words| line.contains(words))) {
        "GetCACaps".clone_into(&mut ended.exchange);
        return job.ended(&ended).into();
    }
    if ended.lines.iter().any(|line| line.contains("no capable fetcher found")) {
        return Failure::Ended(format!("{}: {}", ended.exchange, installation::no_fetcher()))
            .into();
    }
    job.trouble(&ended).await
}

fn run(exchange: String, arguments: &[&str]) -> Run {
    Run {
        exchange,
        arguments: arguments.iter().map(OsString::from).collect(),
        is_pending: |line| line.contains("SCEP request pending"),
        // Debian's build names on every start the plugins that it came without.
        is_noise: |line| line.starts_with("plugin '") || line.starts_with("TPM 2.0 - "),
    }
}

/// The files of `pki --scepca`: `ca.der`, `ca-root-2.der`, `ca-1.der` and so on.
fn files(first: &str, numbered: &[&str]) -> Vec<String> {
    let more = numbered.iter().flat_map(|name| (1..MOST).map(move |n| format!("{name}-{n}.der")));
    std::iter::once(format!("{first}.der")).chain(more).collect()
}

fn write_der(job: &Job<'_>, name: &str, certificate: &X509Ref) -> Result<String, Trouble> {
    job.folder.write(name, &certificate.to_der()?)?;
    Ok(name.to_owned())
}

/// A subject in strongSwan's words, whose names for some types are its own.
fn distinguished_name(job: &Job<'_>) -> Result<String, Failure> {
    let mut words = Vec::new();
    for part in parts(&job.order.distinguished_name)? {
        let word = match part.attribute_type.as_str() {
            "SN" => "S",
            "GN" => "G",
            "title" => "T",
            "emailAddress" => "E",
            known @ ("CN" | "C" | "DC" | "L" | "O" | "OU" | "serialNumber" | "ST" | "UID") => known,
            other => {
                let attribute_type = other.to_owned();
                return Err(Failure::AttributeType { program: job.name(), attribute_type });
            }
        };
        if part.value.contains([',', '/', '"', '\\', '\n']) {
            return Err(Failure::AttributeValue { program: job.name(), value: part.value });
        }
        words.push(format!("{word}={}", part.value));
    }
    Ok(words.join(", "))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn cipher_word(cipher: Cipher) -> &'static str {
    match cipher {
        Cipher::Des | Cipher::TripleDes => "des3",
        Cipher::Aes128 | Cipher::Aes192 | Cipher::Aes256 => "aes",
    }
}
