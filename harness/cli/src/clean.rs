//! `sceplab clean`: removes the leftovers of runs that crashed or were killed.

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::{self, can_ask, complain, say, warn};
use super::wiring;
use diagnostics::counted;
use testbed::leftovers::{Found, Leftover, Removal, State};

/// Remove processes, containers, networks, images and folders of killed runs
///
/// Anything that belongs to a current run or to another machine stays. Images serve many runs: one that was used within the last two
/// minutes stays, and one that is removed is made again when a run needs it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab clean --dry-run                   show what would be removed
  sceplab clean
  sceplab clean --all                       also what current runs and other machines use

Exit codes:
  0  nothing is left to remove
  2  `--all` without a terminal and without `--yes`
  3  something could not be removed, or the Docker engine could not be asked
  5  you answered no")]
pub(super) struct CleanArguments {
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Also remove what belongs to current runs and to other machines; asks first
    #[arg(long)]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl CleanArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let asks = self.all && !self.yes && !self.dry_run;
        if asks && !can_ask() {
            let why =
                "`--all` ends current runs, and there is no terminal to ask at; type `--all --yes`";
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
        report_spared(&spared);
        Ok(if failed || found.unseen.is_some() { Exit::Lab } else { Exit::Success })
    }

    fn choose<'a>(&self, found: &'a Found) -> (Vec<&'a Leftover>, Vec<&'a Leftover>) {
        found.leftovers.iter().partition(|leftover| self.all || leftover.state == State::Dead)
    }

    /// Removes the leftovers; true if one could not be removed.
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
                    complain(&why.to_string());
                    failed = true;
                }
            }
        }
        failed
    }
}

/// Shows the leftovers, and asks.
fn agreed(chosen: &[&Leftover]) -> bool {
    for leftover in chosen {
        warn(&format!("{}{}", leftover.what, owner(leftover.state)));
    }
    output::agreed(&format!("Remove all {}?", chosen.len()))
}

fn owner(state: State) -> &'static str {
    match state {
        State::Dead => "",
        State::Living => " (of a current run)",
        State::Elsewhere => " (of another machine or container)",
    }
}

fn report_spared(spared: &[&Leftover]) {
    let count = |state| spared.iter().filter(|leftover| leftover.state == state).count();
    let counts = [
        (count(State::Living), "of current runs"),
        (count(State::Elsewhere), "of other machines or containers"),
    ];
    for (count, owner) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let left = counted(count, "leftover");
        warn(&format!("note: not removed: {left} {owner}; `--all` removes them, too"));
    }
}
