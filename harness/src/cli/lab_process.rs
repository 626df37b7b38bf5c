//! `sceplab lab-process`: what the drivers `netns` and `docker` run for their labs.

use std::process::ExitCode;

use clap::Args;

use super::complain;
use super::exit::Exit;

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
        let outcome = if self.reaper { reap() } else { self.outcome() };
        outcome.unwrap_or_else(|error| {
            complain(&error.to_string());
            Exit::Lab.into()
        })
    }

    #[cfg(target_os = "linux")]
    fn outcome(&self) -> std::io::Result<ExitCode> {
        if self.in_container {
            crate::node::serve().map(|()| ExitCode::SUCCESS)
        } else if self.inner {
            crate::netns::serve().map(|()| ExitCode::SUCCESS)
        } else {
            crate::netns::isolate()
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn outcome(&self) -> std::io::Result<ExitCode> {
        Err(std::io::Error::other("this operating system has no network namespaces"))
    }
}

#[cfg(feature = "docker")]
fn reap() -> std::io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reaped = runtime.block_on(crate::drivers::docker::leftovers::reap());
    runtime.shutdown_background();
    reaped.map(|()| ExitCode::SUCCESS)
}

#[cfg(not(feature = "docker"))]
fn reap() -> std::io::Result<ExitCode> {
    Err(std::io::Error::other("this program was built without the feature `docker`"))
}
