//! `sceplab lab-process`: what the drivers `netns` and `docker` run for their labs.

use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::output::complain;
use super::values::one_of;
use super::wiring::{self, LabRole};

/// The processes of a lab
///
/// The drivers start it, and speak to it by its standard input; it is of no use by hand.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Arguments {
    /// Which of them to be
    #[arg(value_parser = one_of(LabRole::NAMED), default_value_t = LabRole::Isolating)]
    role: LabRole,
}

impl Arguments {
    /// Runs to the end of the lab; the process has one thread, because only such a process can step into namespaces.
    pub(super) fn perform(&self) -> ExitCode {
        wiring::be(self.role).unwrap_or_else(|error| {
            complain(&error.to_string());
            Exit::Lab.into()
        })
    }
}
