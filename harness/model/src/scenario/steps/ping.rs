//! The step `ping`.

use std::time::Duration;

use super::Given;
use crate::scenario::Expect;

/// The fields of the step.
pub(super) const FIELDS: [&str; 6] = ["device", "address", "count", "size", "timeout", "within"];

/// Echo requests from a device.
#[derive(Debug, Clone)]
pub struct Ping {
    /// The device.
    pub device: String,
    /// The address or name of who is to answer.
    pub address: String,
    /// How many are sent.
    pub count: u16,
    /// How many bytes of payload each has.
    pub size: u16,
    /// How long an answer may take, in whole seconds.
    pub timeout_seconds: u64,
    /// How long the ping is tried again until all are answered.
    pub within: Duration,
}

impl Ping {
    /// The command as it is sent to the device.
    pub fn command(&self) -> String {
        let Self { address, count, size, timeout_seconds, .. } = self;
        format!("ping {address} count {count} size {size} timeout {timeout_seconds}")
    }

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let device = given.device();
        let address = given.required("address").and_then(|node| given.host(node));
        let count = given.number("count", 1..=u16::MAX, "a count from 1 to 65535");
        let size = given.number("size", 0..=65507, "a size from 0 to 65507 bytes");
        let timeout_seconds = whole_seconds(given);
        // A ping has a time-out of its own: one that is to fail is tried once where nothing else is said.
        let is_tried_once = given.expect == Expect::Failure && given.optional("within").is_none();
        Some(Self {
            device: device?,
            address: address?,
            count: count.unwrap_or(1),
            size: size.unwrap_or(56),
            timeout_seconds: timeout_seconds.unwrap_or(1),
            within: if is_tried_once { Duration::ZERO } else { given.within() },
        })
    }

    /// What is done, in words.
    pub(super) fn title(&self) -> String {
        format!("ping {} from {}", self.address, self.device)
    }
}

/// The device's `ping` takes whole seconds.
fn whole_seconds(given: &Given<'_>) -> Option<u64> {
    let node = given.optional("timeout")?;
    let timeout = node.duration(given.problems)?;
    if timeout.is_zero() || timeout.subsec_nanos() != 0 {
        node.expected("whole seconds, as the device's `ping` takes them", given.problems);
    }
    Some(timeout.as_secs())
}
