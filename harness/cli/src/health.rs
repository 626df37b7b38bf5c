//! `sceplab health`: checks that a SCEP service answers, for containers and monitoring.

use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use mock_ca::PersonalityName;
use scep::http::{Method, Operation};
use tokio::time::timeout;

use super::exit::{CommandError, Exit};
use super::output::{complain, say};
use super::serve::listening_port;
use super::wiring::{Challenges, LivePki};
use diagnostics::visible;
use model::scep_url::ScepUrl;
use testbed::pki::{Exchanged, PkiError, ScepService};

/// Maximum length of the shown reply, in characters.
const SHOWN: usize = 80;

/// Check that a SCEP service answers GetCACaps
///
/// Without a URL, the mock CA of this machine or container is asked, at port 8080 or the port of `SCEPLAB_LISTEN`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab health
  sceplab health http://pki.example.com/scep

Exit codes:
  0  the service answers with status 200
  2  wrong usage
  4  the service does not answer, or answers with another status")]
pub(super) struct Arguments {
    /// The SCEP address of the service, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL")]
    url: Option<ScepUrl>,
    /// How long the service may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

impl Arguments {
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
                Err(reason) => failures.push(format!("{url} is not healthy: {reason}")),
            }
        }
        for failure in &failures {
            complain(failure);
        }
        Ok(Exit::Failed)
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

    async fn ask(&self, url: &ScepUrl) -> Result<String, String> {
        let limit = Duration::from_secs(self.timeout);
        let pki = LivePki::new(url.clone(), Challenges::None, limit, None);
        let request = Operation::GetCaCaps(None).to_http(Method::Get);
        let Ok(exchanged) = timeout(limit, pki.exchange(&request, "")).await else {
            return Err(format!("no answer in {} s", self.timeout));
        };
        match exchanged {
            Ok(Exchanged::Answered(answer)) if answer.status == 200 => Ok(shown(&answer.body)),
            Ok(Exchanged::Answered(answer)) => {
                Err(format!("GetCACaps was answered with HTTP status {}", answer.status))
            }
            Ok(Exchanged::Unanswered(reason)) | Err(PkiError::Broken { reason }) => Err(reason),
            Err(error @ PkiError::NotSupported { .. }) => Err(error.to_string()),
        }
    }
}

/// The capabilities on one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "no capabilities".to_owned();
    }
    visible(&words.chars().take(SHOWN).collect::<String>())
}
