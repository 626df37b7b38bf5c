//! `sceplab lab-process`: the processes that the drivers `netns` and `docker` start for their labs.

use std::ffi::OsString;
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
pub(super) struct LabProcessArguments {
    /// The role of the process
    #[arg(value_parser = one_of(LabRole::NAMED.iter().copied()), default_value_t = LabRole::Isolating)]
    role: LabRole,
    /// A program and its arguments, for a guard
    #[arg(last = true, hide = true)]
    command: Vec<OsString>,
}

impl LabProcessArguments {
    /// Runs to the end of the lab; the process has one thread, because only such a process can enter namespaces.
    pub(super) fn perform(&self) -> ExitCode {
        wiring::run_lab_process(self.role, &self.command).unwrap_or_else(|error| {
            complain(&error.to_string());
            Exit::Lab.into()
        })
    }
}
