//! `sceplab dut --attach`: one session with a device that is served.

use std::path::{Path, PathBuf};

use clap::Args;
use dut_sim::console::{self, Commanded};
use dut_sim::remote::RemoteConsole;

use super::socket::connect;
use crate::exit::{CommandError, Exit};

/// How a session is asked for.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Attaching {
    /// Use the device that is served at this socket, in a session of its own
    #[arg(long, value_name = "SOCKET")]
    attach: Option<PathBuf>,
    /// Run this command, or several, one a line, as far as none is refused, and end
    #[arg(
        short,
        value_name = "COMMAND",
        requires = "attach",
        conflicts_with = "serve",
        allow_hyphen_values = true
    )]
    command: Option<String>,
}

impl Attaching {
    /// The socket of the device that is to be used, if one is.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.attach.as_deref()
    }

    /// Carries the session with the device at that socket through.
    ///
    /// # Errors
    /// When the device cannot be reached, or ends the session.
    pub(super) async fn run(&self, path: &Path) -> Result<Exit, CommandError> {
        let device = RemoteConsole::attach(connect(path).await?).await;
        let device = device
            .map_err(|error| Exit::Lab.because(format!("the device lets nobody in: {error}")))?;
        let ended = match &self.command {
            Some(commands) => console::run_commands(&device, commands).await.map(exit),
            None => console::run(device).await.map(Exit::from),
        };
        ended.map_err(|error| Exit::Lab.because(format!("the session has ended: {error}")))
    }
}

fn exit(commanded: Commanded) -> Exit {
    match commanded {
        Commanded::Done => Exit::Success,
        Commanded::Refused => Exit::Failed,
        Commanded::Interrupted => Exit::Interrupted,
    }
}
