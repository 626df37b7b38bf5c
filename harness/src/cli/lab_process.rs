//! `sceplab lab-process`: what the driver `netns` runs for each lab.

use std::process::ExitCode;

use clap::Args;

use super::complain;
use super::exit::Exit;

/// The processes of a lab on the kernel's network
///
/// The driver `netns` starts it, and speaks to it by its standard input; it is of no use by hand.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Arguments {
    /// Be the process within the namespaces
    #[arg(long)]
    inner: bool,
}

impl Arguments {
    /// Runs to the end of the lab; the process has one thread, for only such a one may step into namespaces.
    pub(super) fn perform(&self) -> ExitCode {
        self.outcome().unwrap_or_else(|error| {
            complain(&error.to_string());
            Exit::Lab.into()
        })
    }

    #[cfg(target_os = "linux")]
    fn outcome(&self) -> std::io::Result<ExitCode> {
        if self.inner {
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
