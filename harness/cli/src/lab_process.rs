//! `sceplab lab-process`: what the drivers `netns` and `docker` run for their labs.

use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::output::complain;
use super::wiring::{self, LabRole};

/// The processes of a lab
///
/// The drivers start it, and speak to it by its standard input; it is of no use by hand.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Arguments {
    /// Be the process within the namespaces
    #[arg(long)]
    inner: bool,
    /// Be process 1 of a container that stands in a lab
    #[arg(long, conflicts_with = "inner")]
    in_container: bool,
    /// Be the process that removes containers when the runner is gone
    #[arg(long, conflicts_with_all = ["inner", "in_container"])]
    reaper: bool,
}

impl Arguments {
    /// Runs to the end of the lab; the process has one thread, for only such a one may step into namespaces.
    pub(super) fn perform(&self) -> ExitCode {
        let role = match () {
            () if self.reaper => LabRole::Reaper,
            () if self.in_container => LabRole::InContainer,
            () if self.inner => LabRole::Inner,
            () => LabRole::Isolating,
        };
        let outcome = wiring::be(role);
        outcome.unwrap_or_else(|error| {
            complain(&error.to_string());
            Exit::Lab.into()
        })
    }
}
