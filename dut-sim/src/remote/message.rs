//! What goes over the stream. No message has a `Debug` form: configuration lines hold secrets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Settings;

/// The first line of a connection.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Greeting {
    /// Starts the device.
    Start(Settings),
    /// Uses the device that another connection started.
    Attach,
}

/// Every later line to the device.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Told back in the answer.
    pub(super) id: u64,
    /// What is asked for.
    pub(super) call: Call,
}

/// What a device is asked for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Call {
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
pub(super) enum FromDevice {
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
pub(super) type Answer = Result<Value, String>;
