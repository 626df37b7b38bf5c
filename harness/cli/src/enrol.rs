//! `sceplab enrol`: one enrolment with the built-in client.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Name;
use redact::Masker;
use scep::algorithm::{Cipher, Digest};
use scep::certificate::{Fingerprint, serial_number};
use scep::client::Settings;
use scep::identity::Identity;
use scep::name::to_text;
use scep::request::dns_names;

use super::conform::challenges::{ChallengeArguments, Given};
use super::exit::{CommandError, Exit};
use super::output::{say, warn};
use super::stop::StopSignals;
use super::values::one_of;
use super::wiring::LivePki;
use model::lab::Secret;
use model::scep_url::ScepUrl;
use simulated::client::{Enrolled, EnrolmentError, Files, Polling, enrol, fingerprint_of, new_key};
use testbed::pki::ScepService;

/// The subject without `--subject`.
const SUBJECT: &str = "CN=sceplab client";

/// The pause before each CertPoll.
const PAUSE: Duration = Duration::from_secs(1);

/// Enrol once with the built-in SCEP client
///
/// Makes a key, requests a certificate for it, and checks the reply as RFC 8894 requires: its signature, its nonce and transaction id,
/// and the key in the certificate. Without --ca-fingerprint or --ca, the certificate that the CA sends is trusted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab enrol http://127.0.0.1:8080/scep --challenge s3cret --out mine
  sceplab enrol http://pki.example.com/scep --challenge-file password.txt \\
      --subject \"CN=router1, O=Example\" --dns router1.example.com --out router1
  sceplab enrol http://pki.example.com/scep --out router1 --renew

Exit codes:
  0  the certificate was issued
  2  wrong usage
  3  the CA cannot be reached, or a file cannot be written
  4  the CA refused the request or did not decide in time, or its reply was wrong")]
pub(super) struct Arguments {
    /// The SCEP address of the CA, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL")]
    url: ScepUrl,
    /// The subject of the certificate [default: "CN=sceplab client", or the subject of the renewed certificate]
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// A DNS name for the certificate; may be given several times
    #[arg(long = "dns", value_name = "NAME")]
    dns_names: Vec<String>,
    #[command(flatten)]
    challenge: ChallengeArguments,
    /// Write the key, the certificate and the CA's certificates to this folder: `key.pem`, `cert.pem`, `ca.pem`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Renew the certificate in the folder of --out: it signs the request, and the key is a new one
    #[arg(long, requires = "out")]
    renew: bool,
    /// The SHA-256 fingerprint that one of the CA's certificates must have
    #[arg(long, value_name = "HEX", value_parser = str::parse::<Fingerprint>)]
    ca_fingerprint: Option<Fingerprint>,
    /// A PEM file with one of the CA's certificates, used like its fingerprint
    #[arg(long, value_name = "FILE", conflicts_with = "ca_fingerprint")]
    ca: Option<PathBuf>,
    /// The name of the CA, for a server with several CAs
    #[arg(long, value_name = "NAME")]
    ca_identifier: Option<String>,
    /// The cipher of the request; one that the CA does not offer ends the enrolment [default: the best offered]
    #[arg(long, value_parser = one_of(CIPHERS))]
    cipher: Option<Cipher>,
    /// The digest of the request; one that the CA does not offer ends the enrolment [default: the best offered]
    #[arg(long, value_parser = one_of(DIGESTS))]
    digest: Option<Digest>,
    /// Accept replies in single DES or signed with MD5, as micromdm's scepserver sends them (RFC 8894 §2.9 forbids both)
    #[arg(long)]
    obsolete: bool,
    /// How long the CA may take for one reply, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// How long to poll for a request that waits for a decision, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    poll_within: u64,
}

/// The ciphers that RFC 8894 §2.9 does not forbid.
const CIPHERS: [(&str, Cipher); 4] = [
    ("aes128", Cipher::Aes128),
    ("aes192", Cipher::Aes192),
    ("aes256", Cipher::Aes256),
    ("3des", Cipher::TripleDes),
];

const DIGESTS: [(&str, Digest); 5] = [
    ("sha256", Digest::Sha256),
    ("sha384", Digest::Sha384),
    ("sha512", Digest::Sha512),
    ("sha224", Digest::Sha224),
    ("sha1", Digest::Sha1),
];

impl Arguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::select! {
            done = self.enrol() => done.map(|()| Exit::Success),
            () = stop.received(1) => Ok(Exit::Interrupted),
        }
    }

    async fn enrol(&self) -> Result<(), CommandError> {
        let given = self.challenge.read().map_err(|reason| Exit::Usage.because(reason))?;
        let pki = self.pki(given)?;
        let files = self.out.as_deref().map(Files::in_folder);
        self.check_folder(files.as_ref())?;
        let key = new_key().await.map_err(|reason| Exit::Internal.because(reason))?;
        let mut settings = self.settings(key.clone(), files.as_ref())?;
        // A renewal is authorised by the certificate that signs it (RFC 8894 §2.4).
        let challenge = match settings.existing {
            Some(_) => None,
            None => pki.challenge(false).await.map_err(|error| Exit::Lab.because(error))?,
        };
        settings.challenge = challenge.clone();
        let polling = Polling { pause: PAUSE, within: Duration::from_secs(self.poll_within) };
        let enrolled = enrol(&pki, settings, polling).await;
        let enrolled = enrolled.map_err(|error| refused(&error, challenge))?;
        keep(files.as_ref(), &key, &enrolled)
    }

    fn pki(&self, given: Given) -> Result<LivePki, CommandError> {
        if given.count.is_some() {
            return Err(Exit::Usage.because("one enrolment takes one challenge password"));
        }
        let limit = Duration::from_secs(self.timeout);
        Ok(LivePki::new(self.url.clone(), given.challenges, limit, None))
    }

    /// Fails if the folder has a key already, so that no key is overwritten.
    fn check_folder(&self, files: Option<&Files>) -> Result<(), CommandError> {
        if let Some(files) = files.filter(|files| !self.renew && files.key().exists()) {
            return Err(Exit::Usage.because(format!(
                "`{}` exists already: renew its certificate with `--renew`, or name another folder",
                files.key().display()
            )));
        }
        Ok(())
    }

    fn settings(
        &self,
        key: PKey<Private>,
        files: Option<&Files>,
    ) -> Result<Settings, CommandError> {
        let existing = self.existing(files)?;
        let subject = self.subject(existing.as_ref())?;
        let mut settings = Settings { existing, ..Settings::new(key, subject) };
        if !self.dns_names.is_empty() {
            let names = dns_names(&self.dns_names);
            let names = names.map_err(|error| Exit::Usage.because(error))?;
            settings.extensions.push(names);
        }
        settings.cipher = self.cipher;
        settings.digest = self.digest;
        settings.takes_obsolete_algorithms = self.obsolete;
        settings.ca_identifier.clone_from(&self.ca_identifier);
        let fingerprint = match &self.ca {
            Some(file) => Some(fingerprint_of(file).map_err(|error| Exit::Usage.because(error))?),
            None => self.ca_fingerprint.clone(),
        };
        settings.ca_fingerprint = fingerprint.map(|fingerprint| fingerprint.octets().to_vec());
        Ok(settings)
    }

    fn existing(&self, files: Option<&Files>) -> Result<Option<Identity>, CommandError> {
        let Some(files) = files.filter(|_| self.renew) else { return Ok(None) };
        let existing = files.identity().map_err(|error| Exit::Usage.because(error))?;
        let folder = files.folder().display();
        let none =
            || Exit::Usage.because(format!("there is no certificate to renew in `{folder}`"));
        existing.ok_or_else(none).map(Some)
    }

    fn subject(&self, existing: Option<&Identity>) -> Result<X509Name, CommandError> {
        if let (None, Some(existing)) = (&self.subject, existing) {
            let kept = existing.certificate.subject_name().to_owned();
            return kept.map_err(|error| Exit::Internal.because(error));
        }
        let text = self.subject.as_deref().unwrap_or(SUBJECT);
        let wrong = |error| Exit::Usage.because(format!("`--subject {text}`: {error}"));
        scep::name::parse(text).map_err(wrong)
    }
}

fn keep(
    files: Option<&Files>,
    key: &PKey<Private>,
    enrolled: &Enrolled,
) -> Result<(), CommandError> {
    let certificate = &enrolled.certificate;
    say(&format!("subject  {}", to_text(certificate.subject_name())));
    say(&format!("issuer   {}", to_text(certificate.issuer_name())));
    say(&format!("serial   {}", serial_number(certificate).unwrap_or_default()));
    say(&format!("valid    {} to {}", certificate.not_before(), certificate.not_after()));
    let Some(files) = files else {
        warn("nothing was written: `--out DIR` keeps the key and the certificate");
        return Ok(());
    };
    files.write(key, enrolled).map_err(|error| Exit::Lab.because(error))?;
    for path in [files.key(), files.certificate(), files.ca()] {
        say(&format!("file     {}", path.display()));
    }
    Ok(())
}

/// Masks the challenge password in the error, because a server may send it back.
fn refused(error: &EnrolmentError, challenge: Option<Secret>) -> CommandError {
    let masker = Masker::new(challenge);
    let exit = match error {
        EnrolmentError::Unreachable { .. } => Exit::Lab,
        EnrolmentError::Refused(_) | EnrolmentError::StillPending(_) => Exit::Failed,
    };
    exit.because(masker.text(&error.to_string()))
}
