//! A device of a test, and how it is reached.

use std::sync::Arc;

use driver_live::ssh_device::{Passwords, SshDevice};
use model::lab::{Secret, SshTarget};
use testbed::BenchError;

/// The login shell of a device; `special` is a function that may carry out a line in its stead.
pub(super) fn script(special: &str) -> String {
    include_str!("script.sh").replace("# SPECIAL", special)
}

/// Held while it matters who is told of what could not be put back: each is told once.
pub(super) static SETTLING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Somebody who knows one answer, or none.
pub(super) struct Knows(pub(super) Option<&'static str>);

impl Passwords for Knows {
    fn ask(&self, _: &str, again: bool) -> Result<Secret, String> {
        let known = self.0.filter(|_| !again).map(Secret::new);
        known.ok_or_else(|| "nobody knows it".to_owned())
    }
}

pub(super) async fn connect(target: &SshTarget) -> Result<SshDevice, BenchError> {
    SshDevice::connect("DUT0", target, Arc::new(Knows(None)), false).await
}

/// Why there is no device.
#[track_caller]
pub(super) fn reason(outcome: Result<SshDevice, BenchError>) -> String {
    match outcome {
        Err(BenchError::Device { name, reason }) => {
            assert_eq!(name, "DUT0");
            reason
        }
        other => panic!("it is no broken device: {other:?}"),
    }
}

#[track_caller]
pub(super) fn assert_tells(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
}
