//! `sceplab enrol`: one enrolment with the built-in client.

mod refusal;
mod request;
mod settings;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use openssl::asn1::Asn1TimeRef;
use redact::Masker;
use scep::algorithm::{Cipher, Digest};
use scep::certificate::{Fingerprint, serial_number};
use scep::clock::Clock;
use scep::name::to_text;

use self::refusal::{Sent, advice, is_no_service};
use self::request::RequestArguments;
use super::access_arguments::AccessArguments;
use super::conform::challenges::{ChallengeArguments, Given};
use super::conform::discovery::cause_of_silence;
use super::exit::{CommandError, Exit};
use super::messages::{MessagesArgument, complete};
use super::output::{self, say, warn};
use super::stop::StopSignals;
use super::values::{one_of, scep_url};
use super::wiring::LivePki;
use diagnostics::{Diagnostic, counted, visible};
use files::Kept;
use model::scep_url::ScepUrl;
use simulated::client::{
    Enrolled, EnrolmentError, Files, NotInPlace, Pending, Polling, PreparedFiles, Remark, enrol,
    new_key,
};
use testbed::pki::ScepService;

/// What to do if the certificates of the CA leave a choice.
const CHOOSE_CA: &str = "; `--ca-fingerprint` or `--ca` says which CA is meant, `--ca-identifier` asks the server for one of its CAs";

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
  sceplab enrol http://pki.example.com/scep --challenge-file password.txt --key-type p256 \\
      --san IP:192.0.2.1 --san UPN:r1@example.com --key-usage digitalSignature --purpose clientAuth

Exit codes:
  0  the certificate was issued; a warning says what it has otherwise than was asked for
  2  wrong usage, or a file cannot be read
  3  the CA cannot be reached, the server is no SCEP service, a file cannot be written,
     or saved messages are incomplete
  4  the CA refused the request or did not decide in time, or its reply was wrong
  130  interrupted: what was requested may be issued all the same")]
pub(super) struct EnrolArguments {
    /// The SCEP address of the CA, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL", value_parser = scep_url())]
    url: ScepUrl,
    #[command(flatten)]
    request: RequestArguments,
    #[command(flatten)]
    challenge: ChallengeArguments,
    /// Write the key, the certificate and the CA's certificates to this folder: `key.pem`, `cert.pem`, `ca.pem`. They are links into its
    /// subfolder `.sceplab`, so that they change together
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Renew the certificate in the folder of --out: it signs the request, and the key is a new one. A challenge password is sent
    /// only if one is given; some CAs want it in a renewal, too
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
    #[command(flatten)]
    messages: MessagesArgument,
    #[command(flatten)]
    access: AccessArguments,
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

impl EnrolArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::select! {
            done = self.enrol() => done,
            () = stop.received(1) => Ok(Exit::Interrupted),
        }
    }

    async fn enrol(&self) -> Result<Exit, CommandError> {
        let given = self.challenge.read().await.map_err(|reason| Exit::Usage.because(reason))?;
        given.keep_secret();
        let known = given.secrets.clone();
        let mut pki = self.pki(given).await?;
        let files = self.out.as_deref().map(Files::in_folder);
        self.check_folder(files.as_ref())?;
        let key = new_key(self.request.key_type)
            .await
            .map_err(|reason| Exit::Internal.because(reason))?;
        let mut settings = self.settings(key.clone(), files.as_ref()).await?;
        let messages = self.messages.begin([]).map_err(|reason| Exit::Usage.because(reason))?;
        if let Some(folder) = &messages {
            let recorder = folder.whole("enrol", Clock::system());
            pki = pki.with_recorder(recorder.map_err(|reason| Exit::Lab.because(reason))?);
        }
        // What cannot be kept is not requested.
        let prepared = files.as_ref().map(|files| files.prepare(&key)).transpose();
        let prepared = prepared.map_err(|error| Exit::Lab.because(error))?;
        // A renewal has one only if the user gives it (RFC 8894 §2.4); step-ca and micromdm ask for it in renewals, too.
        let challenge = pki.challenge(false).await.map_err(|error| Exit::Lab.because(error))?;
        output::hide(&challenge);
        settings.challenge = challenge.clone();
        let mut sent = Sent {
            is_renewal: self.renew,
            has_challenge: challenge.is_some(),
            subject: to_text(&settings.subject),
            has_unclear_addressee: false,
        };
        let polling = Polling { pause: PAUSE, within: Duration::from_secs(self.poll_within) };
        let is_unclear = Cell::new(false);
        let waiting = ProgressBar::new_spinner();
        let remark = |remark: Remark| {
            if let Remark::Pending(pending) = remark {
                return show_waiting(&waiting, pending);
            }
            let is_about_addressee = matches!(remark, Remark::UnclearAddressee(_));
            is_unclear.set(is_unclear.get() || is_about_addressee);
            let choose = if is_about_addressee { CHOOSE_CA } else { "" };
            warn(&format!("warning: {}{choose}", visible(&remark.to_string())));
        };
        let enrolled = enrol(&pki, settings, polling, &Clock::system(), remark).await;
        waiting.finish_and_clear();
        drop(pki);
        let exit = complete(messages.as_ref(), Exit::Success).await;
        sent.has_unclear_addressee = is_unclear.get();
        let masker = Masker::new(challenge.into_iter().chain(known));
        let enrolled = enrolled.map_err(|error| refused(&error, &self.url, &sent, &masker))?;
        keep(files.as_ref().zip(prepared), &enrolled)?;
        Ok(exit)
    }

    async fn pki(&self, given: Given) -> Result<LivePki, CommandError> {
        if given.count.is_some() {
            return Err(Exit::Usage.because("one enrolment takes one challenge password"));
        }
        let limit = Duration::from_secs(self.timeout);
        let access = self.access.access(self.challenge.urls(&self.url)).await?;
        Ok(LivePki::new(self.url.clone(), given.challenges, limit, None).through(access))
    }

    /// Fails if the folder has a key already, so that no key is overwritten.
    fn check_folder(&self, files: Option<&Files>) -> Result<(), CommandError> {
        let Some(files) = files else { return Ok(()) };
        if files.finish_earlier().map_err(|error| Exit::Lab.because(error))? {
            let folder = files.folder().display();
            warn(&format!(
                "note: an earlier run was ended when its certificate was issued; `{folder}` has it now"
            ));
        }
        let key = files.key();
        if self.renew || !files.has_key().map_err(|error| Exit::Lab.because(error))? {
            return Ok(());
        }
        Err(Exit::Usage.because(if files.certificate().exists() {
            format!(
                "`{}` exists already: renew its certificate with `--renew`, or name another folder",
                key.display()
            )
        } else {
            format!(
                "`{}` exists already, without a certificate: move it away, or name another folder",
                key.display()
            )
        }))
    }
}

/// Says once that the CA has not decided; on a terminal, also how long that takes.
fn show_waiting(waiting: &ProgressBar, pending: Pending) {
    if pending.polls == 0 {
        warn(&format!("note: {pending}"));
    }
    let seconds = pending.since.as_secs();
    waiting.set_message(format!("{} after {seconds} s", counted(pending.polls, "poll")));
    waiting.tick();
}

/// The error, with the URL and the exchange that failed. The masker has the passwords, because a server may send them back.
fn refused(error: &EnrolmentError, url: &ScepUrl, sent: &Sent, masker: &Masker) -> CommandError {
    let exit = match error {
        EnrolmentError::Unreachable { .. } => Exit::Lab,
        EnrolmentError::Refused(refusal) if is_no_service(refusal) => Exit::Lab,
        EnrolmentError::Refused(_) | EnrolmentError::StillPending(_) => Exit::Failed,
    };
    let advice = match error {
        EnrolmentError::Refused(refusal) => advice(refusal, sent),
        EnrolmentError::Unreachable { reason, .. } => vec![cause_of_silence(reason).to_owned()],
        EnrolmentError::StillPending(_) => Vec::new(),
    };
    let diagnostic = Diagnostic::general(masker.text(&format!("{url}: {error}")));
    exit.with(vec![advice.into_iter().fold(diagnostic, Diagnostic::note)])
}

fn keep(
    files: Option<(&Files, PreparedFiles<'_>)>,
    enrolled: &Enrolled,
) -> Result<(), CommandError> {
    let certificate = &enrolled.certificate;
    say(&format!("subject  {}", to_text(certificate.subject_name())));
    say(&format!("issuer   {}", to_text(certificate.issuer_name())));
    say(&format!("serial   {}", serial_number(certificate).unwrap_or_default()));
    let date = |date: &Asn1TimeRef| match date.to_string() {
        // OpenSSL's word for a date that it cannot read.
        word if word == "error" => "an unreadable date".to_owned(),
        text => text,
    };
    let (from, until) = (date(certificate.not_before()), date(certificate.not_after()));
    say(&format!("valid    {from} to {until}"));
    for difference in &enrolled.differences {
        warn(&format!("warning: {}", visible(difference)));
    }
    let Some((files, prepared)) = files else {
        warn("nothing was written: `--out DIR` keeps the key and the certificate");
        return Ok(());
    };
    prepared.put_in_place(enrolled).map_err(|error| not_in_place(&error, enrolled))?;
    for path in [files.key(), files.certificate(), files.ca()] {
        say(&format!("file     {}", path.display()));
    }
    Ok(())
}

/// The error for a certificate that was issued and could not be written; prints the certificate, so that it is not lost.
fn not_in_place(error: &NotInPlace, enrolled: &Enrolled) -> CommandError {
    let pem = enrolled.certificate.to_pem().unwrap_or_default();
    say(String::from_utf8_lossy(&pem).trim_end());
    let note = match &error.kept {
        Kept::InPart(folder) => format!(
            "the new key is in `{}`, and the certificate is printed on standard output; keep both",
            folder.display()
        ),
        Kept::Complete(folder) => format!(
            "the new key and the certificate are in `{}`, and the next run with the same `--out` puts them in their places; the certificate is printed on \
             standard output, too",
            folder.display()
        ),
        Kept::InPlace => "the new key and the certificate are in their places, but if the machine stops now, the earlier ones may be back; the \
                          certificate is printed on standard output, too"
            .to_owned(),
    };
    Exit::Lab.with(vec![Diagnostic::general(error.to_string()).note(note)])
}
