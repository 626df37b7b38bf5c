//! Report files of a run.

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::complain;
use ::report::{Format, Reported, Target};

/// The requested reports.
#[derive(Debug, Args)]
pub(super) struct Reports {
    #[arg(long = "report", value_name = "KIND=FILE", help = help())]
    targets: Vec<Target>,
}

impl Reports {
    /// Checks before the run that the reports can be written.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let checked = self.targets.iter().try_for_each(Target::check);
        checked.map_err(|error| Exit::Usage.because(error))
    }

    /// Writes the reports, and returns `exit` unless one could not be written.
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
    format!("Write a report: {formats}; may be given several times")
}
