//! The files that a run is reported to.

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::complain;
use ::report::{Format, Reported, Target};

/// The reports that are asked for.
#[derive(Debug, Args)]
pub(super) struct Reports {
    #[arg(long = "report", value_name = "KIND=FILE", help = help())]
    targets: Vec<Target>,
}

impl Reports {
    /// Finds out before time is spent on the run whether they can be written.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let checked = self.targets.iter().try_for_each(Target::check);
        checked.map_err(|error| Exit::Usage.because(error))
    }

    /// Writes them; the exit code is that of the run, unless a report could not be written.
    pub(super) fn write(&self, results: &impl Reported, exit: Exit) -> Exit {
        let mut exit = exit;
        for target in &self.targets {
            if let Err(error) = target.write(&target.format.text(results)) {
                complain(&error.to_string());
                exit = Exit::Internal;
            }
        }
        exit
    }
}

fn help() -> String {
    let formats = Format::names(|name| format!("`{name}=FILE`"), " or ");
    format!("Write a report, as {formats}; may be given several times")
}
