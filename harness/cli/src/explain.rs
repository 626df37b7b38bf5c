//! `sceplab explain`: what was said in SCEP messages, and who is wrong.

mod keys;
mod several;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use diagnostics::{Diagnostic, visible};
use explain::explanation::Verdict;
use explain::input::{InputError, Readable, Source, readable, recordings};
use explain::{Explanation, Knowledge};
use openssl::x509::X509;
use scep::clock::Clock;

use self::keys::{KeyArguments, certificates_in};
use super::access_arguments::AccessArguments;
use super::conform::discovery::certificates_of;
use super::exit::{CommandError, Exit};
use super::output::{self, say, say_report};
use super::stop::{StopSignals, interruptible};
use super::values::{moment, scep_url};
use super::wiring::{Challenges, LivePki};
use model::scep_url::ScepUrl;
use testbed::access::Access;

/// Explain SCEP messages, and say who is wrong
///
/// Takes messages as people have them, and says in the first line who is wrong: the client, the server, or nobody. Then it shows each
/// message from the outside to the inside, with everything that is remarkable about it and the sentence of the standard that it goes
/// against. Several messages are a conversation, in the order given: a request, its reply, and what the CA said before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab explain request.der reply.der
  sceplab explain request.der reply.der --key client.key --state ca-state
                                            open both envelopes, too
  sceplab explain captured --ca ca.pem      a folder; is the request addressed to this CA?
  sceplab explain - --asn1 < request.pem    the annotated tree of each structure

Forms:
  messages  DER, PEM, base64, hexadecimal digits and dumps, also in the middle of other text
  HTTP      requests and replies as text, `curl -v`, lines of access logs, URLs
  captures  pcap and pcapng; not the text output of tshark
  folders   those of --save-messages, each recording in it a conversation of its own, and any other
  all of them also in gzip. Limits: 1,000 messages, files of 64 MiB, 256 MiB of decoded bytes

Exit codes:
  0  the messages were read; nothing wrong was seen, or it cannot be told who is wrong
  2  wrong usage, or an input or a file with a key cannot be read; the other inputs are explained
  3  the server of --from cannot be reached
  4  something is wrong: the first line says what, and who made it")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(super) struct ExplainArguments {
    /// Files, folders, `-` for standard input, or the messages themselves as texts
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<OsString>,
    #[command(flatten)]
    keys: KeyArguments,
    /// A file in PEM or DER with the certificates of the PKI, those of its CA and its RA: are the messages for it and from it? May be given
    /// several times
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    ca: Vec<PathBuf>,
    /// The SCEP address of the PKI, which is asked for these certificates now (GetCACert)
    #[arg(long, value_name = "URL", value_parser = scep_url())]
    from: Option<ScepUrl>,
    #[command(flatten)]
    access: AccessArguments,
    /// The time of the messages if they do not tell it, at which certificates must be valid; without it, dates of such messages are not judged
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<SystemTime>,
    /// Show each message in full; otherwise, if there are more than four, what is fine has a line
    #[arg(long)]
    all: bool,
    /// Show the annotated ASN.1 of each structure, with offsets, and each message in full
    #[arg(long)]
    asn1: bool,
    /// Print the explanation as JSON
    #[arg(long)]
    json: bool,
    /// Show challenge passwords, which are masked otherwise
    #[arg(long)]
    show_secrets: bool,
}

/// How long the PKI of `--from` may take.
const TIMEOUT: Duration = Duration::from_secs(15);

impl ExplainArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::select! {
            done = self.explain() => done,
            () = stop.received(1) => Ok(Exit::Interrupted),
        }
    }

    async fn explain(&self) -> Result<Exit, CommandError> {
        let knowledge = self.knowledge().await?;
        let sources: Vec<Source> = self.inputs.iter().map(|input| Source::named(input)).collect();
        let folders =
            recordings(&sources).map_err(|error| Exit::Usage.with(vec![diagnostic(&error)]))?;
        if !folders.is_empty() {
            return several::explain(self, folders, knowledge).await;
        }
        let read = interruptible(move || {
            let Readable { items, errors } = readable(&sources);
            let explanation = (!items.is_empty()).then(|| explain::explain(items, &knowledge));
            (explanation, errors)
        });
        let (explanation, errors) = read.await?;
        let diagnostics: Vec<Diagnostic> = errors.iter().map(diagnostic).collect();
        let Some(mut explanation) = explanation else { return Err(Exit::Usage.with(diagnostics)) };
        self.hide_secrets(&mut explanation);
        if self.json {
            say_report(&report::json::document(&explanation));
        } else {
            explanation.rewrite(&visible);
            say(&explain::text::text(&explanation, self.all || self.asn1));
        }
        if diagnostics.is_empty() {
            return Ok(exit(&explanation.verdict));
        }
        output::diagnostics(&diagnostics);
        Ok(if exit(&explanation.verdict) == Exit::Failed { Exit::Failed } else { Exit::Usage })
    }

    /// Masks the secrets that were read, in the explanation and in all that is printed from now on.
    fn hide_secrets(&self, explanation: &mut Explanation) {
        if !self.show_secrets {
            output::hide(&explanation.secrets);
        }
        explanation.rewrite(&output::masked);
    }

    /// The keys and certificates that the options name.
    async fn knowledge(&self) -> Result<Knowledge, CommandError> {
        let keys = self.keys.clone();
        let files = self.ca.clone();
        let read = interruptible(move || {
            let mut knowledge = Knowledge::new(Clock::system().now());
            keys.read(&mut knowledge)?;
            for file in &files {
                knowledge.ca.extend(certificates_in(file)?);
            }
            Ok::<_, String>(knowledge)
        });
        let mut knowledge = read.await?.map_err(|error| Exit::Usage.because(error))?;
        if let Some(url) = &self.from {
            knowledge.ca = fetched(url, self.access.access([url]).await?).await?;
        }
        knowledge.knows_time = self.at.is_some();
        knowledge.now = self.at.unwrap_or(knowledge.now);
        knowledge.shows_secrets = self.show_secrets;
        knowledge.with_asn1 = self.asn1;
        knowledge.names_options = true;
        Ok(knowledge)
    }
}

async fn fetched(url: &ScepUrl, access: Access) -> Result<Vec<X509>, CommandError> {
    let pki = LivePki::new(url.clone(), Challenges::None, TIMEOUT, None).through(access);
    let certificates = certificates_of(&pki).await;
    certificates.map_err(|error| Exit::Lab.because(format!("{url}: {}", visible(&error))))
}

/// The error about an input, with what it was tried as below it.
fn diagnostic(error: &InputError) -> Diagnostic {
    error.notes().into_iter().fold(Diagnostic::general(error.to_string()), Diagnostic::note)
}

fn exit(verdict: &Verdict) -> Exit {
    if verdict.is_wrong() { Exit::Failed } else { Exit::Success }
}
