//! `sceplab replay`: judges what a bundle has once more, without a network.

mod judgement;

use std::path::PathBuf;

use ::bundle::OpenError;
use clap::Args;
use diagnostics::visible;

use self::judgement::Judgement;
use super::exit::{CommandError, Exit};
use super::output::{self, say, say_report};
use super::stop::{StopSignals, interruptible};

/// Judge a recorded failure again, without a network
///
/// Takes a bundle that `--bundle` made, or a folder of saved messages. Explains the recorded messages anew, with the keys of the bundle if it has
/// them, and holds the recorded output against the checks of the failed step once more. Says what the verdict was then, what it is now, and if they
/// agree: another version of Sceplab may see more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab run scenarios --bundle failures   leaves a bundle of each failure
  sceplab replay failures/scep-linux-pki
  sceplab replay failures/scep-linux-pki --json

Exit codes:
  0  nothing wrong was seen, or it cannot be told who is wrong
  2  wrong usage, no bundle, or a bundle that is damaged, changed or of a later version
  4  something is wrong: in the messages, or a check does not hold")]
pub(super) struct ReplayArguments {
    /// The folder of a bundle, or of saved messages
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Print the judgement as JSON
    #[arg(long)]
    json: bool,
    /// Show challenge passwords, which are masked otherwise; a bundle has them only with `--bundle-secrets`
    #[arg(long)]
    show_secrets: bool,
}

impl ReplayArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::select! {
            done = self.replay() => done,
            () = stop.received(1) => Ok(Exit::Interrupted),
        }
    }

    async fn replay(&self) -> Result<Exit, CommandError> {
        let (folder, shows_secrets) = (self.bundle.clone(), self.show_secrets);
        let judged = interruptible(move || {
            let bundle = ::bundle::open(&folder)?;
            Ok::<_, OpenError>(Judgement::of(&bundle, shows_secrets))
        });
        let mut judgement =
            judged.await?.map_err(|error| Exit::Usage.because(visible(&error.to_string())))?;
        if !self.show_secrets {
            output::hide(judgement.secrets());
        }
        judgement.rewrite(&output::masked);
        judgement.compare();
        if self.json {
            say_report(&report::json::document(&judgement));
        } else {
            judgement.rewrite(&visible);
            say(&judgement.text());
        }
        Ok(if judgement.is_wrong() { Exit::Failed } else { Exit::Success })
    }
}
