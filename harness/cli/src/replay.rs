//! `sceplab replay`: what a bundle has once more: its judgement, the recorded server, or the recorded requests.

mod at;
mod judgement;
mod serve;

use std::path::PathBuf;

use ::bundle::{Bundle, OpenError};
use clap::Args;
use diagnostics::visible;
use model::scep_url::ScepUrl;
use recorded::Source;

use self::at::AtArguments;
use self::judgement::Judgement;
use self::serve::ServeArguments;
use super::exit::{CommandError, Exit};
use super::output::{self, say, say_report};
use super::stop::{StopSignals, interruptible};

/// Judge a recorded failure again, or replay its server or its requests
///
/// Takes a bundle that `--bundle` made, or a folder of saved messages. Without a network, explains the recorded messages anew, with the keys of the bundle if it has
/// them, and holds the recorded output against the checks of the failed step once more. Says what the verdict was then, what it is now, and if they
/// agree: another version of Sceplab may see more.
///
/// With --serve, real clients are answered as the recorded server answered, mistakes included, and what is other than in the recording is listed.
/// With --at, the recorded requests are made anew and sent to another server, and its answers are held against those recorded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab run scenarios --bundle failures   leaves a bundle of each failure
  sceplab replay failures/scep-linux-pki
  sceplab replay failures/scep-linux-pki --json
  sceplab replay failures/scep-linux-pki --serve
  sceplab replay messages --at http://pki.example.com/scep --challenge-file password.txt

Exit codes:
  0  nothing wrong was seen, or it cannot be told who is wrong
     --serve was stopped by Ctrl-C or SIGTERM; with --at, the server answers as the recorded one did
  2  wrong usage, no bundle, a bundle that is damaged, changed or of a later version, or a recording without a message
  3  an address is in use; with --at: the server cannot be reached
  4  something is wrong: in the messages, or a check does not hold
     with --at: the server answers otherwise
  5  with --at: a request could not be sent, and the others were answered as recorded")]
pub(super) struct ReplayArguments {
    /// The folder of a bundle, or of saved messages
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Show each message in full; otherwise, if there are more than four, what is fine has a line
    #[arg(long, conflicts_with_all = ["serve", "at", "json"])]
    all: bool,
    /// Print the judgement, or what differs, as JSON
    #[arg(long)]
    json: bool,
    /// Show challenge passwords, which are masked otherwise; a bundle has them only with `--bundle-secrets`
    #[arg(long, conflicts_with_all = ["serve", "at"])]
    show_secrets: bool,
    #[command(flatten)]
    serve: ServeArguments,
    #[command(flatten)]
    at: AtArguments,
    /// With --serve or --at, the PKI of the recording, if it has several
    #[arg(long, value_name = "NAME")]
    pki: Option<String>,
}

impl ReplayArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        self.refuse_idle_options()?;
        let stop = StopSignals::listen();
        if self.serve.serve {
            return self.serve.perform(self.source().await?, self.json, &stop).await;
        }
        let done = async {
            match &self.at.at {
                Some(url) => self.send(url).await,
                None => self.judge().await,
            }
        };
        tokio::select! {
            done = done => done,
            () = stop.received(1) => Ok(Exit::Interrupted),
        }
    }

    /// Refuses the options that have no effect without `--serve` or `--at`.
    fn refuse_idle_options(&self) -> Result<(), CommandError> {
        let challenge = self.at.challenge().filter(|_| self.at.at.is_none());
        let pki = self.pki.as_ref().filter(|_| self.at.at.is_none() && !self.serve.serve);
        let refusal = match (challenge, pki) {
            (Some(option), _) => format!("`{option}` has no effect without `--at URL`: only requests that are sent have a password"),
            (None, Some(_)) => "`--pki` has no effect without `--serve` or `--at URL`: the messages of all PKIs are judged".to_owned(),
            (None, None) => return Ok(()),
        };
        Err(Exit::Usage.because(refusal))
    }

    async fn send(&self, url: &ScepUrl) -> Result<Exit, CommandError> {
        self.at.perform(self.source().await?, url, self.json).await
    }

    /// What `work` makes of the bundle.
    async fn opened<T: Send + 'static>(
        &self,
        work: impl FnOnce(Bundle) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let folder = self.bundle.clone();
        let opened = interruptible(move || Ok::<_, OpenError>(work(::bundle::open(&folder)?)));
        opened.await?.map_err(|error| Exit::Usage.because(visible(&error.to_string())))
    }

    async fn source(&self) -> Result<Source, CommandError> {
        let pki = self.pki.clone();
        let source = self.opened(move |bundle| Source::of(bundle, pki.as_deref())).await?;
        source.map_err(|error| Exit::Usage.because(visible(&error.to_string())))
    }

    async fn judge(&self) -> Result<Exit, CommandError> {
        let shows_secrets = self.show_secrets;
        let judged = self.opened(move |bundle| Judgement::of(&bundle, shows_secrets));
        let mut judgement = judged.await?;
        if !self.show_secrets {
            output::hide(judgement.secrets());
        }
        judgement.rewrite(&output::masked);
        judgement.compare();
        if judgement.is_empty() {
            let folder = self.bundle.display();
            let empty = format!(
                "`{folder}` is a recording without a message, so there is nothing to judge"
            );
            return Err(Exit::Usage.because(visible(&empty)));
        }
        if self.json {
            say_report(&report::json::document(&judgement));
        } else {
            judgement.rewrite(&visible);
            say(&judgement.text(self.all));
        }
        Ok(if judgement.is_wrong() { Exit::Failed } else { Exit::Success })
    }
}
