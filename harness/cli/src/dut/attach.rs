//! `sceplab dut --attach`: one session with a device that is served.

use std::path::PathBuf;

use clap::Args;
use dut_sim::console::{self, Commanded, Ending};
use dut_sim::remote::{RemoteConsole, RemoteError};
use thiserror::Error;

use super::socket::{SocketError, connect};
use crate::exit::Exit;

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

/// Why there was no session, or no longer.
#[derive(Debug, Error)]
pub(crate) enum AttachError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("the device lets nobody in: {0}")]
    Refused(#[from] RemoteError),
    #[error("the session has ended: {0}")]
    Ended(std::io::Error),
}

impl Attaching {
    /// Carries the session through, where one is asked for.
    ///
    /// # Errors
    /// When the device cannot be reached, or ends the session.
    pub(super) async fn run(&self) -> Result<Option<Exit>, AttachError> {
        let Some(path) = &self.attach else { return Ok(None) };
        let device = RemoteConsole::attach(connect(path).await?).await?;
        let ended = match &self.command {
            Some(commands) => console::run_commands(&device, commands).await.map(exit),
            None => console::run(device).await.map(|ending| match ending {
                Ending::Left => Exit::Success,
                Ending::Interrupted => Exit::Interrupted,
            }),
        };
        ended.map(Some).map_err(AttachError::Ended)
    }
}

fn exit(commanded: Commanded) -> Exit {
    match commanded {
        Commanded::Done => Exit::Success,
        Commanded::Refused => Exit::Failed,
        Commanded::Interrupted => Exit::Interrupted,
    }
}
