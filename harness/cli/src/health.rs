//! `sceplab health`: checks that a SCEP service answers, for containers and monitoring.

use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use mock_ca::PersonalityName;
use scep::http::{HttpResponse, Method, NoCapabilities, Operation};
use tokio::time::timeout;

use super::conform::discovery::{cause_of_foreign_reply, cause_of_silence};
use super::exit::{CommandError, Exit};
use super::output::{diagnostics, say};
use super::serve::listening_port;
use super::values::scep_url;
use super::wiring::{Challenges, LivePki};
use ::diagnostics::{Diagnostic, visible};
use model::scep_url::ScepUrl;
use testbed::NoAnswer;
use testbed::pki::{Exchanged, ScepService};

/// Check that a SCEP service answers GetCACaps
///
/// Without a URL, the mock CA of this machine or container is asked, at port 8080 or the port of `SCEPLAB_LISTEN`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab health
  sceplab health http://pki.example.com/scep

Exit codes:
  0  the service answers with its capabilities, or says that it has none
  2  wrong usage
  3  the service does not answer, or answers with something else")]
pub(super) struct HealthArguments {
    /// The SCEP address of the service, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL", value_parser = scep_url())]
    url: Option<ScepUrl>,
    /// How long the service may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

impl HealthArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let urls = self.urls().map_err(|reason| Exit::Usage.because(reason))?;
        let mut failures = Vec::new();
        // At the same time, so that a server that hangs costs one timeout only.
        let replies = urls.iter().map(|url| self.ask(url));
        for (url, reply) in urls.iter().zip(join_all(replies).await) {
            match reply {
                Ok(capabilities) => {
                    say(&format!("{url} is healthy: {capabilities}"));
                    return Ok(Exit::Success);
                }
                Err(Unhealthy { reason, cause }) => {
                    let failure = format!("{url} is not healthy: {reason}");
                    failures.push(Diagnostic::general(failure).note(cause));
                }
            }
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

    async fn ask(&self, url: &ScepUrl) -> Result<String, Unhealthy> {
        let limit = Duration::from_secs(self.timeout);
        let pki = LivePki::new(url.clone(), Challenges::None, limit, None);
        let request = Operation::GetCaCaps(None).to_http(Method::Get);
        let Ok(exchanged) = timeout(limit, pki.exchange(&request, "")).await else {
            return Err(Unhealthy::silent(&NoAnswer::TimedOut(format!(
                "no answer in {} s",
                self.timeout
            ))));
        };
        match exchanged.map_err(NoAnswer::from).and_then(Exchanged::response) {
            Ok(answer) if answer.status == 200 => {
                capabilities(&answer).map_err(|reason| Unhealthy::foreign(reason, 200))
            }
            Ok(answer) => {
                let reason = format!("GetCACaps {}", answer.answered());
                Err(Unhealthy::foreign(reason, answer.status))
            }
            Err(reason) => Err(Unhealthy::silent(&reason)),
        }
    }
}

/// Why a service is not healthy.
struct Unhealthy {
    reason: String,
    /// The probable cause.
    cause: &'static str,
}

impl Unhealthy {
    /// No answer came.
    fn silent(reason: &NoAnswer) -> Self {
        Self { cause: cause_of_silence(reason), reason: reason.to_string() }
    }

    /// A reply with this HTTP status came that is none of a SCEP service.
    fn foreign(reason: String, status: u16) -> Self {
        Self { reason, cause: cause_of_foreign_reply(status) }
    }
}

/// The capabilities on one line. A reply with other words only is none of a SCEP service.
fn capabilities(answer: &HttpResponse) -> Result<String, String> {
    match answer.capabilities() {
        Ok(read) if read.is_empty() => Ok("no capabilities".to_owned()),
        Ok(read) => Ok(visible(&read.to_string())),
        Err(NoCapabilities { came, .. }) => Err(visible(&format!(
            "GetCACaps is answered with {came}, which lists no capability of SCEP"
        ))),
    }
}
