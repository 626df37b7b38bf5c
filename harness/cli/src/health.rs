//! `sceplab health`: whether a SCEP service answers, for whoever looks after a container or a service.

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
use testbed::pki::{Exchanged, Pki, PkiError};

/// How much of what a server says is shown, in characters.
const SHOWN: usize = 80;

/// Ask a SCEP service whether it is well: whether it answers GetCACaps
///
/// Without a URL it is the mock CA of this machine or container, whomever it behaves like, at port 8080 or the one of `SCEPLAB_LISTEN`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab health
  sceplab health http://pki.example.com/scep

Exit codes:
  0  it answers
  2  wrong usage
  4  it does not, or not well")]
pub(super) struct Arguments {
    /// The SCEP address, such as `http://pki.example.com/scep`
    #[arg(value_name = "URL")]
    url: Option<ScepUrl>,
    /// How long it may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

impl Arguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let urls = self.urls().map_err(|reason| Exit::Usage.because(reason))?;
        let mut unwell = Vec::new();
        // At once: a server that hangs is not waited for twice.
        let asked = urls.iter().map(|url| self.ask(url));
        for (url, told) in urls.iter().zip(join_all(asked).await) {
            match told {
                Ok(said) => {
                    say(&format!("{url} is well: {said}"));
                    return Ok(Exit::Success);
                }
                Err(reason) => unwell.push(format!("{url} is not well: {reason}")),
            }
        }
        for reason in &unwell {
            complain(reason);
        }
        Ok(Exit::Failed)
    }

    /// Where to ask; of the mock CA's several addresses, one that answers will do.
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
        return "it names no capability".to_owned();
    }
    visible(&words.chars().take(SHOWN).collect::<String>())
}
