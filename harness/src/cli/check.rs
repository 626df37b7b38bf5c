//! `sceplab check`: reads, resolves and validates, and runs nothing.

use clap::Args;

use super::exit::Exit;
use super::output::say;
use super::select::Selection;

/// Find mistakes in scenario and lab files, and run nothing
///
/// Every mistake is shown with its file, line and column. The exit code is 2 where there is one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab check
  sceplab check scenarios/scep/linux-pki.yaml")]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
}

impl Arguments {
    pub(super) fn perform(&self) -> Exit {
        match self.selection.load() {
            Ok(scenarios) => {
                let count = scenarios.len();
                say(&format!("{count} scenario{} in order", if count == 1 { "" } else { "s" }));
                Exit::Success
            }
            Err(exit) => exit,
        }
    }
}
