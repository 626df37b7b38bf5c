//! `sceplab health`: checks that a SCEP service answers, for containers and monitoring.

use std::time::{Duration, SystemTime};

use clap::Args;
use futures_util::future::join_all;
use mock_ca::PersonalityName;
use openssl::x509::X509;
use scep::client::CaCertificates;
use scep::clock::Clock;
use scep::http::{HttpResponse, Method, NoCapabilities, Operation};
use scep::name::to_text;
use tokio::time::{Instant, timeout_at};

use super::access_arguments::AccessArguments;
use super::conform::discovery::{cause_of_foreign_reply, cause_of_silence, cause_of_status};
use super::exit::{CommandError, Exit};
use super::output::{diagnostics, say};
use super::serve::listening_port;
use super::tls_arguments::cause_of_page;
use super::values::scep_url;
use super::wiring::{Challenges, LivePki};
use ::diagnostics::{Diagnostic, visible};
use model::scep_url::ScepUrl;
use testbed::NoAnswer;
use testbed::access::Access;
use testbed::pki::{Exchanged, ScepService};

/// Check that a SCEP service answers, with certificates that a client can use
///
/// Prints a line for each check: the answer to GetCACaps, the answer to GetCACert, and whether a client can use the certificates.
/// Without a URL, the mock CA of this machine or container is asked, at port 8080 or the port of `SCEPLAB_LISTEN`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab health
  sceplab health http://pki.example.com/scep
  sceplab health https://pki.example.com/scep --tls-ca root.pem

Exit codes:
  0  the service answers GetCACaps, and GetCACert with certificates that a client can use
  2  wrong usage
  3  the service does not answer, or answers with something else, or its certificates have
     expired or cannot be used")]
pub(super) struct HealthArguments {
    /// The SCEP address of the service, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL", value_parser = scep_url())]
    url: Option<ScepUrl>,
    /// The name of the CA, for a server with several CAs
    #[arg(long, value_name = "NAME")]
    ca_identifier: Option<String>,
    /// How long the service may take for both answers, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    #[command(flatten)]
    access: AccessArguments,
}

impl HealthArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let urls = self.urls().map_err(|reason| Exit::Usage.because(reason))?;
        let access = self.access.access(&urls).await?;
        let mut failures = Vec::new();
        // At the same time, so that a server that hangs costs one timeout only.
        let replies = urls.iter().map(|url| self.ask(url, &access));
        for (url, Checked { passed, unhealthy }) in urls.iter().zip(join_all(replies).await) {
            let Some(Unhealthy { what, reason, cause }) = unhealthy else {
                show(&passed, None);
                say(&format!("{url} answers as a SCEP service; no enrolment was tried"));
                return Ok(Exit::Success);
            };
            // Of several addresses only one needs to answer.
            if self.url.is_some() {
                show(&passed, Some(what));
            }
            let failure = format!("{url} is not healthy: {reason}");
            failures.push(Diagnostic::general(failure).note(cause));
        }
        diagnostics(&failures);
        Ok(Exit::Lab)
    }

    /// The addresses to try: the given one, or those of the mock CA, of which one must answer.
    fn urls(&self) -> Result<Vec<ScepUrl>, String> {
        if let Some(url) = &self.url {
            return Ok(vec![url.clone()]);
        }
        let port = listening_port()?;
        // The third personality answers at the path of the first, as at any other.
        let names = [PersonalityName::Linux, PersonalityName::Ndes];
        let paths = names.into_iter().filter_map(|name| name.paths().into_iter().next());
        let urls = paths.map(|path| format!("http://127.0.0.1:{port}{path}").parse::<ScepUrl>());
        urls.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    /// Checks the answers to GetCACaps and GetCACert. The service must also have certificates with which a client can enrol.
    async fn ask(&self, url: &ScepUrl, access: &Access) -> Checked {
        let mut passed = Vec::new();
        let unhealthy = self.check(url, access, &mut passed).await.err();
        Checked { passed, unhealthy }
    }

    async fn check(
        &self,
        url: &ScepUrl,
        access: &Access,
        passed: &mut Vec<String>,
    ) -> Result<(), Unhealthy> {
        let limit = Duration::from_secs(self.timeout);
        let pki = LivePki::new(url.clone(), Challenges::None, limit, None);
        let pki = pki.through(access.clone());
        let end = Instant::now() + limit;
        let name = || self.ca_identifier.clone();
        let answer = self.answer(&pki, &Operation::GetCaCaps(name()), end).await;
        let answer = answer.map_err(|reason| Unhealthy::silent(CAPS, &reason))?;
        let foreign = |reason| Unhealthy::foreign(CAPS, reason, &answer);
        let capabilities = answered("GetCACaps", &answer).and_then(|()| capabilities(&answer));
        passed.push(format!("{CAPS}: {}", capabilities.map_err(foreign)?));
        let answer = self.answer(&pki, &Operation::GetCaCert(name()), end).await;
        let after = |reason| format!("GetCACaps is answered, and GetCACert is not: {reason}");
        let silent = |reason: NoAnswer| Unhealthy::silent(CERTIFICATES, &reason.reworded(after));
        let answer = answer.map_err(silent)?;
        let cause = cause_of_status(answer.status).unwrap_or(NO_USABLE_CA);
        let unusable = |what| move |reason| Unhealthy { what, reason, cause };
        answered("GetCACert", &answer).map_err(unusable(CERTIFICATES))?;
        let read = CaCertificates::read(&answer);
        let read = read.map_err(|refusal| unusable(CERTIFICATES)(visible(&refusal.to_string())))?;
        passed.push(format!("{CERTIFICATES}: {}", listed(&read)));
        let usable = addressee(&read, Clock::system().now());
        passed.push(format!("{RECIPIENT}: {}", usable.map_err(unusable(RECIPIENT))?));
        Ok(())
    }

    /// The answer that comes before `end`.
    async fn answer(
        &self,
        pki: &LivePki,
        operation: &Operation,
        end: Instant,
    ) -> Result<HttpResponse, NoAnswer> {
        let request = operation.to_http(Method::Get);
        let Ok(exchanged) = timeout_at(end, pki.exchange(&request, "")).await else {
            return Err(NoAnswer::TimedOut(format!("no answer in {} s", self.timeout)));
        };
        exchanged.map_err(NoAnswer::from).and_then(Exchanged::response)
    }
}

/// The check of the answer to GetCACaps.
const CAPS: &str = "capabilities (GetCACaps)";

/// The check of the answer to GetCACert.
const CERTIFICATES: &str = "certificates (GetCACert)";

/// The check of the certificates: one can receive requests, is valid, and belongs to the CA.
const RECIPIENT: &str = "addressee of requests";

/// The result of all checks.
struct Checked {
    /// The checks that the service passed, each with what came.
    passed: Vec<String>,
    /// The first that it did not pass.
    unhealthy: Option<Unhealthy>,
}

/// Prints a line for each check that was made.
fn show(passed: &[String], failed: Option<&str>) {
    for check in passed {
        say(&format!("ok    {check}"));
    }
    if let Some(check) = failed {
        say(&format!("FAIL  {check}"));
    }
}

/// Why a service is not healthy.
struct Unhealthy {
    /// The check.
    what: &'static str,
    reason: String,
    /// The probable cause.
    cause: &'static str,
}

impl Unhealthy {
    /// No answer came.
    fn silent(what: &'static str, reason: &NoAnswer) -> Self {
        Self { what, cause: cause_of_silence(reason), reason: reason.to_string() }
    }

    /// A reply came that is none of a SCEP service.
    fn foreign(what: &'static str, reason: String, answer: &HttpResponse) -> Self {
        let cause = cause_of_page(answer).unwrap_or_else(|| cause_of_foreign_reply(answer.status));
        Self { what, reason, cause }
    }
}

/// Fails if the HTTP status of the answer is not 200.
fn answered(operation: &str, answer: &HttpResponse) -> Result<(), String> {
    let refused = || format!("{operation} {}", visible(&answer.answered()));
    if answer.status == 200 { Ok(()) } else { Err(refused()) }
}

/// The subjects of the certificates.
fn listed(certificates: &CaCertificates) -> String {
    let names = |what: &str, all: &[X509]| {
        all.iter()
            .map(|one| format!("{what} `{}`", visible(&to_text(one.subject_name()))))
            .collect::<Vec<_>>()
    };
    [names("CA", &certificates.ca), names("RA", &certificates.ra)].concat().join(", ")
}

/// The certificate that requests are enciphered to, and until when it is valid, in words; fails if no client could enrol
/// with the certificates (RFC 8894 §4.2).
fn addressee(certificates: &CaCertificates, now: SystemTime) -> Result<String, String> {
    let chosen = certificates.choose(now);
    let chosen = chosen.map_err(|refusal| visible(&refusal.to_string()))?;
    let recipient = &chosen.recipient;
    let usable =
        format!("`{}`, until {}", to_text(recipient.subject_name()), recipient.not_after());
    let unclear = certificates.unclear_addressee(&chosen, now);
    Ok(visible(&unclear.map_or_else(|| usable.clone(), |unclear| format!("{usable}; {unclear}"))))
}

/// What to do about a service that has no certificate with which a client can enrol.
const NO_USABLE_CA: &str = "no client can enrol without a certificate of the CA that is valid and its own: look at the certificates \
                            in the server's configuration; a server with several CAs needs `--ca-identifier`";

/// The capabilities on one line. A reply with other words only is none of a SCEP service.
fn capabilities(answer: &HttpResponse) -> Result<String, String> {
    match answer.capabilities() {
        Ok(read) if read.is_empty() => Ok("none".to_owned()),
        Ok(read) => Ok(visible(&read.to_string())),
        Err(NoCapabilities { came, .. }) => Err(visible(&format!(
            "GetCACaps is answered with {came}, which lists no capability of SCEP"
        ))),
    }
}
