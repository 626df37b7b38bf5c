//! A device in another process, with its console on a stream: JSON, one object per line.
//!
//! The first connection sends the [`Settings`] to start the device with. They are not passed on the command line, because the
//! keyring is secret. Then requests carry numbers, which their answers repeat, and the device reports whenever its answers
//! may have changed. Both ends limit the length of a line, and close the connection if the other end sends an invalid one.
//!
//! Messages do not implement `Debug`, because configuration lines contain secrets.

mod client;
mod pending;
mod server;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::device::Settings;

pub use self::client::{RemoteConsole, RemoteError};
pub use self::server::{Devices, refuse, serve};

/// The first line of a connection.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Greeting {
    /// Starts the device.
    Start(Settings),
    /// Connects to the device that another connection started.
    Attach,
}

/// Every later line to the device.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Number that the answer repeats.
    id: u64,
    /// The call.
    call: Call,
}

/// A call to the device.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Call {
    /// Applies these lines to the factory defaults, then commits.
    Replace(String),
    /// Applies these lines to the active configuration, then commits.
    Modify(String),
    /// Runs a command and returns its whole output.
    Execute(String),
    /// Runs a command and shows its output line by line.
    Step(String),
    /// Returns the prompt for the next line.
    Prompt,
    /// Completes `partial` after `words`.
    Complete { words: Vec<String>, partial: String },
    /// Cuts the device's power for a moment.
    CutPower,
    /// Ends a long-running command.
    Interrupt,
    /// Cancels the request of that number.
    GiveUp(u64),
    /// Returns the log of SCEP events.
    ProtocolLog,
    /// Returns the number of all SCEP events, and those after the first so many.
    ProtocolLogAfter(u64),
    /// Moves the device's time forward by so many milliseconds.
    Advance(u64),
    /// Returns what the device is about to do.
    Outlook,
    /// Returns the notes on the SCEP client.
    Notes,
    /// Returns what the SCEP client cannot do.
    Limits,
    /// Checks that the device is alive.
    Alive,
}

/// Every line from the device.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FromDevice {
    /// The connection is ready for requests.
    Ready,
    /// The last line was refused, and the connection ends.
    Refused(String),
    /// Answer to a request.
    Answer { id: u64, answer: Answer },
    /// A running command printed this line.
    Screen { id: u64, line: String },
    /// The device's answers may have changed.
    Changed,
}

/// Result of a call as JSON, or why the device could not answer.
type Answer = Result<Value, String>;

#[cfg(test)]
mod tests;
