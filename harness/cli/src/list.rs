//! `sceplab list`: ids and titles of scenarios.

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::say;
use super::select::Selection;
use diagnostics::visible;

/// List scenarios, each with its id and title
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab list
  sceplab list scenarios --tag documented")]
pub(super) struct ListArguments {
    #[command(flatten)]
    selection: Selection,
}

impl ListArguments {
    pub(super) fn perform(&self) -> Result<Exit, CommandError> {
        let scenarios = self.selection.load()?;
        let width = scenarios.iter().map(|scenario| scenario.id.chars().count()).max();
        for scenario in &scenarios {
            let (id, title) = (visible(&scenario.id), visible(&scenario.title));
            say(&format!("{id:<width$}  {title}", width = width.unwrap_or_default()));
        }
        Ok(Exit::Success)
    }
}
