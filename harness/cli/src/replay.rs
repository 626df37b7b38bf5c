//! `sceplab replay`: what a bundle has, once more.

mod at;
mod serve;

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use diagnostics::visible;
use recorded::Source;

use self::at::AtArguments;
use self::serve::ServeArguments;
use super::exit::{CommandError, Exit};
use super::stop::{StopSignals, interruptible};

/// Answer as a recorded server did, or ask another server as it was asked
///
/// Takes a bundle, or a folder of saved messages. With --serve, real clients are answered as the recorded server answered, mistakes included, and what is
/// other than in the recording is listed. With --at, the recorded requests are made anew and sent to another server, and its answers are held against
/// those recorded.
#[derive(Debug, Args)]
#[command(
    after_help = "\
Examples:
  sceplab replay messages --serve
  sceplab replay messages --at http://pki.example.com/scep --challenge-file password.txt

Exit codes:
  0  stopped by Ctrl-C or SIGTERM; with --at: the server answers as the recorded one did
  2  wrong usage, no bundle, or one that is damaged
  3  an address is in use; with --at: the server cannot be reached
  4  with --at: the server answers otherwise than the recorded one
  5  with --at: no request could be sent",
    group(ArgGroup::new("what").args(["serve", "at"]).required(true))
)]
pub(super) struct ReplayArguments {
    /// The folder of a bundle, or of saved messages
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    serve: ServeArguments,
    #[command(flatten)]
    at: AtArguments,
    /// The PKI of the recording, if it has several
    #[arg(long, value_name = "NAME")]
    pki: Option<String>,
}

impl ReplayArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        let (folder, pki) = (self.bundle.clone(), self.pki.clone());
        let opened = interruptible(move || {
            let bundle = ::bundle::open(&folder).map_err(|error| error.to_string())?;
            Source::of(bundle, pki.as_deref()).map_err(|error| error.to_string())
        });
        let source = opened.await?.map_err(|reason| Exit::Usage.because(visible(&reason)))?;
        match &self.at.at {
            Some(url) => tokio::select! {
                done = self.at.perform(source, url, self.json) => done,
                () = stop.received(1) => Ok(Exit::Interrupted),
            },
            None => self.serve.perform(source, self.json, &stop).await,
        }
    }
}
