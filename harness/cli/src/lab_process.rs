//! `sceplab lab-process`: the processes that the drivers `netns` and `docker` start for their labs.

use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::output::complain;
use super::values::one_of;
use super::wiring::{self, LabRole};

/// Run a process of a lab
///
/// The drivers start it and send it orders on its standard input; it is of no use by hand.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Arguments {
    /// The role of the process
    #[arg(value_parser = one_of(LabRole::NAMED), default_value_t = LabRole::Isolating)]
    role: LabRole,
}

impl Arguments {
    /// Runs to the end of the lab; the process has one thread, because only such a process can enter namespaces.
    pub(super) fn perform(&self) -> ExitCode {
        wiring::run_lab_process(self.role).unwrap_or_else(|error| {
            complain(&error.to_string());
            Exit::Lab.into()
        })
    }
}
