//! A device in a process of its own, and its console on a stream: JSON, one object a line.
//!
//! Whoever connects first sends the [`Settings`] that the device starts with; its keyring is why they go over no command line. From then on requests carry numbers, their
//! answers the same numbers, and the device tells by itself whenever it may answer differently. Both ends bound the
//! length of a line, and end the connection where the other end does not keep to the form.
//!
//! No message has a `Debug` form: configuration lines hold secrets.

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
    /// Uses the device that another connection started.
    Attach,
}

/// Every later line to the device.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Told back in the answer.
    id: u64,
    /// What is asked for.
    call: Call,
}

/// What a device is asked for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Call {
    /// Factory defaults, then these lines, then a commit.
    Replace(String),
    /// These lines on top of what is there, then a commit.
    Modify(String),
    /// Runs a command and tells all that it printed.
    Execute(String),
    /// Runs a command for a user who watches it.
    Step(String),
    /// What awaits the user's next line.
    Prompt,
    /// What may be typed after these words, where the last one is begun.
    Complete { words: Vec<String>, partial: String },
    /// Ends what takes its time.
    Interrupt,
    /// Nobody waits for the answer to the request of that number any more.
    GiveUp(u64),
    /// What SCEP did.
    ProtocolLog,
    /// What a reader of a result must know.
    Notes,
    /// Whether the device is there.
    Alive,
}

/// Every line from the device.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FromDevice {
    /// The connection may be used from here on.
    Ready,
    /// The last line was not taken, and the connection ends.
    Refused(String),
    /// What came of a request.
    Answer { id: u64, answer: Answer },
    /// A command under way printed this line.
    Screen { id: u64, line: String },
    /// The device may answer differently than before.
    Changed,
}

/// What a call yields, as JSON, or why the device could not answer.
type Answer = Result<Value, String>;

#[cfg(test)]
mod tests;
