//! `sceplab clean`: removes what labs left that could not do it themselves.

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::{self, complain, say, somebody_is_there, warn};
use super::wiring;
use testbed::leftovers::{Found, Leftover, Removal, State};

/// Remove what labs left whose run crashed or was killed: containers, networks, images, folders
///
/// What belongs to runs that are going, or to other machines, is spared. Images serve many runs: one that was used within two minutes
/// stays, one that is removed is made again when it is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab clean --dry-run                   show what would be removed
  sceplab clean
  sceplab clean --all                       also what is in use, and of other machines

Exit codes:
  0  nothing is left that is to be removed
  2  `--all` without a terminal and without `--yes`
  3  something could not be removed, or the Docker engine could not be asked
  5  the answer was no")]
pub(super) struct Arguments {
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove also what belongs to runs that are going, and to other machines; asks first
    #[arg(long)]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Arguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let asks = self.all && !self.yes && !self.dry_run;
        if asks && !somebody_is_there() {
            let why = "`--all` ends runs that are going, and there is no terminal to ask at; \
                       type `--all --yes`";
            return Err(Exit::Usage.because(why));
        }
        let found = wiring::leftovers().await;
        if let Some(why) = &found.nothing_there {
            warn(&format!("note: {why}"));
        }
        if let Some(why) = &found.unseen {
            complain(why);
        }
        let (chosen, spared) = self.choose(&found);
        if asks && !chosen.is_empty() && !agreed(&chosen) {
            return Ok(Exit::NothingSelected);
        }
        let failed = self.remove(&chosen).await;
        tell_spared(&spared);
        Ok(if failed || found.unseen.is_some() { Exit::Lab } else { Exit::Success })
    }

    fn choose<'a>(&self, found: &'a Found) -> (Vec<&'a Leftover>, Vec<&'a Leftover>) {
        found.leftovers.iter().partition(|leftover| self.all || leftover.state == State::Dead)
    }

    /// Whether something could not be removed.
    async fn remove(&self, chosen: &[&Leftover]) -> bool {
        if chosen.is_empty() {
            say("nothing to remove");
        }
        let mut failed = false;
        for leftover in chosen {
            if self.dry_run {
                say(&format!("would remove {}", leftover.what));
                continue;
            }
            match leftover.thing.remove().await {
                Ok(Removal::Removed) => say(&format!("removed {}", leftover.what)),
                Ok(Removal::InUse) => say(&format!("in use: {}", leftover.what)),
                Err(why) => {
                    complain(&why);
                    failed = true;
                }
            }
        }
        failed
    }
}

/// Shows what it is about, and asks.
fn agreed(chosen: &[&Leftover]) -> bool {
    for leftover in chosen {
        warn(&format!("{}{}", leftover.what, whose(leftover.state)));
    }
    output::agreed(&format!("Remove all {}?", chosen.len()))
}

fn whose(state: State) -> &'static str {
    match state {
        State::Dead => "",
        State::Living => " (its run is going)",
        State::Elsewhere => " (of another machine or container)",
    }
}

fn tell_spared(spared: &[&Leftover]) {
    let count = |state| spared.iter().filter(|leftover| leftover.state == state).count();
    let told = [
        (count(State::Living), "of runs that are going"),
        (count(State::Elsewhere), "of other machines or containers"),
    ];
    for (count, whose) in told.iter().filter(|(count, _)| *count > 0) {
        let verb = if *count == 1 { "thing is" } else { "things are" };
        warn(&format!("note: {count} {verb} left, {whose}; `--all` removes that too"));
    }
}
