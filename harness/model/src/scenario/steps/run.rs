//! The step `run`.

use std::time::Duration;

use super::Given;
use crate::scenario::check::{self, Check};

/// The fields of the step.
pub(super) const FIELDS: [&[&str]; 2] = [&["device", "command", "within"], &check::FIELDS];

/// A command and what is expected of its output.
#[derive(Debug, Clone)]
pub struct Run {
    /// The device.
    pub device: String,
    /// The command as it is sent to the device.
    pub command: String,
    /// What is expected of the output; where it is empty, that the device accepts the command.
    pub checks: Vec<Check>,
    /// How long the command is tried again until the checks hold; zero tries once.
    pub within: Duration,
}

impl Run {
    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let device = given.device();
        let command = given.required("command").and_then(|node| given.line(node, "a command"));
        let checks = given.checks();
        let unchecked = check::FIELDS.iter().all(|field| given.optional(field).is_none());
        let within = given.within();
        if unchecked && !within.is_zero() {
            given.refuse("within", "`within` waits for a check, and there is none");
        }
        Some(Self { device: device?, command: command?, checks, within })
    }

    /// What is done, in words.
    pub(super) fn title(&self) -> String {
        format!("run `{}` at {}", self.command, self.device)
    }
}
