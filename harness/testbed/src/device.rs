//! The first seam: a network device, as a scenario sees it.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// A change to a device's configuration, made of `set` and `delete` lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Factory defaults, then these lines, then a commit.
    Replace(&'a str),
    /// These lines on top of what is there, then a commit.
    Modify(&'a str),
}

impl<'a> Change<'a> {
    /// The lines as they stand in the scenario.
    pub fn lines(&self) -> &'a str {
        match self {
            Self::Replace(lines) | Self::Modify(lines) => lines,
        }
    }
}

/// Something that is configured and answers commands: simulated, in a namespace, or real.
#[async_trait]
pub trait Device: Send + Sync {
    /// Changes the configuration and commits it; a refused commit changes nothing.
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError>;

    /// Runs an operational command and returns what the device printed.
    ///
    /// A command that the device does not accept, or that it knows to have failed, is [`DeviceError::CommandRefused`]: so
    /// is a ping without replies where the device tells.
    async fn execute(&self, command: &str) -> Result<String, DeviceError>;

    /// Waits until the device may answer differently than it did at the last `execute`, at most `pause`.
    async fn changed(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    /// What the device's SCEP client did, one line an event, newest last; empty where the device does not tell.
    async fn protocol_log(&self) -> Vec<String> {
        Vec::new()
    }

    /// What a reader of a result must know of the device's SCEP client: options it lacks, and what it does instead.
    async fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Waits until the device breaks by itself, and tells how; for ever where it does not.
    async fn broken(&self) -> String {
        std::future::pending().await
    }
}

/// Why a device did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// The device cannot do this at all; the scenario is skipped with this reason.
    #[error("the device does not support {what}")]
    NotSupported {
        /// What was asked for, as in "replacing the configuration".
        what: String,
    },
    /// The device refused the configuration: a failed expectation, not a broken lab.
    #[error("line {line} was refused: {message}")]
    ConfigurationRefused {
        /// The refused line, counted from 1 in the text that was given; 0 for the commit as a whole.
        line: usize,
        /// The refused line, secrets masked.
        text: String,
        /// What the device said.
        message: String,
    },
    /// The device did not accept the command, or it failed: unknown, incomplete, about something that is not there.
    #[error("the command was refused: {output}")]
    CommandRefused {
        /// What the device printed; checks see it as they see any output.
        output: String,
    },
    /// The device cannot be reached or broke; the lab is at fault.
    #[error("the device broke: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
}
