//! The contract for a network device.

use std::time::Duration;

use async_trait::async_trait;
pub use dut_sim::Outlook;
use openssl::pkey::{PKey, Private};
use thiserror::Error;

/// A change to a device's configuration, made of `set` and `delete` lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Factory defaults, then these lines, then a commit.
    Replace(&'a str),
    /// These lines on top of the current configuration, then a commit.
    Modify(&'a str),
}

impl<'a> Change<'a> {
    /// The lines as the scenario has them.
    pub fn lines(&self) -> &'a str {
        match self {
            Self::Replace(lines) | Self::Modify(lines) => lines,
        }
    }
}

/// A device that can be configured and answers commands: simulated, in a namespace, or real.
#[async_trait]
pub trait Device: Send + Sync {
    /// Changes the configuration and commits it. A rejected commit changes nothing.
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError>;

    /// Runs an operational command and returns its output.
    ///
    /// A command that the device does not accept, or whose failure it reports, is [`DeviceError::CommandRefused`]. So is a
    /// ping without replies, if the device reports that.
    async fn execute(&self, command: &str) -> Result<String, DeviceError>;

    /// Cuts the device's power for a moment. It starts again with the saved configuration; what it was doing and has not stored is lost.
    async fn cut_power(&self) -> Result<(), DeviceError> {
        Err(DeviceError::NotSupported { what: "a power cut".to_owned() })
    }

    /// Restarts the device, which comes up with its saved configuration.
    ///
    /// A device that refuses is [`DeviceError::CommandRefused`].
    async fn reboot(&self) -> Result<(), DeviceError> {
        self.execute("reboot").await.map(drop)
    }

    /// Keeps the active configuration for the next start; returns what the device says.
    ///
    /// A device that refuses is [`DeviceError::CommandRefused`].
    async fn save(&self) -> Result<String, DeviceError> {
        self.execute("save").await
    }

    /// Waits until the device may answer differently from the last `execute`, but at most `pause`.
    async fn changed(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    /// Log of the device's SCEP client, one line per event, newest last; empty if the device has none.
    async fn protocol_log(&self) -> Vec<String> {
        Vec::new()
    }

    /// The number of all lines of that log so far, and those that followed the first `seen` of them, as far as they are kept. A wait for
    /// [`changed`](Self::changed) that begins afterwards is for later events.
    async fn protocol_log_after(&self, seen: u64) -> (u64, Vec<String>) {
        (seen, Vec::new())
    }

    /// Moves the device's time forward, as if so much had passed at once. What falls due by then happens afterwards.
    ///
    /// Only for a lab without a time of its own.
    async fn advance(&self, by: Duration) -> Result<(), DeviceError> {
        let _ = by;
        Err(DeviceError::not_supported("that its time is moved"))
    }

    /// What the device is about to do; only for a device whose time can be moved.
    async fn outlook(&self) -> Result<Outlook, DeviceError> {
        Err(DeviceError::not_supported("that its time is moved"))
    }

    /// Remarks about the device's SCEP client for readers of a report: missing options, and substitutes for them.
    async fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The newest private keys that it made for its certificates, for a bundle with keys.
    async fn keys(&self) -> Result<Vec<PKey<Private>>, DeviceError> {
        Err(DeviceError::not_supported("giving out its keys"))
    }

    /// Waits until the device breaks and returns the reason; never returns if it does not.
    async fn broken(&self) -> String {
        std::future::pending().await
    }
}

/// The reason why a device did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// The device has no such function; the scenario is skipped with this reason.
    #[error("the device does not support {what}")]
    NotSupported {
        /// The function, as in "replacing the configuration".
        what: String,
    },
    /// The device rejected the configuration: a failed expectation, not a broken lab.
    #[error("line {line} was refused: {message}")]
    ConfigurationRefused {
        /// The rejected line, counted from 1 in the given text; 0 for the commit as a whole.
        line: usize,
        /// The rejected line, with secrets masked.
        text: String,
        /// Message of the device.
        message: String,
    },
    /// The device did not accept the command, or the command failed: unknown, incomplete, or about a missing object.
    #[error("the command was refused: {output}")]
    CommandRefused {
        /// Output of the device, which checks see like any other output.
        output: String,
    },
    /// The device cannot be reached or broke, so the lab is at fault.
    #[error("the device broke: {reason}")]
    Broken {
        /// Reason.
        reason: String,
    },
}

impl DeviceError {
    /// The error for a function that the device does not have, as in "cutting its power".
    pub fn not_supported(what: &str) -> Self {
        Self::NotSupported { what: what.to_owned() }
    }
}
