//! A device of a test, and how it is reached.

use std::sync::Arc;

use driver_live::ssh_device::{Passwords, SshDevice, SshSessions};
use model::lab::{Secret, SshTarget};
use testbed::TestbedError;

/// The login shell of a device; `special` is a function that may carry out a line in its stead.
pub(super) fn script(special: &str) -> String {
    include_str!("script.sh").replace("# SPECIAL", special)
}

/// Somebody who knows one answer, or none.
struct Knows(Option<&'static str>);

impl Passwords for Knows {
    fn ask(&self, _: &str, again: bool) -> Result<Secret, String> {
        let known = self.0.filter(|_| !again).map(Secret::new);
        known.ok_or_else(|| "nobody knows it".to_owned())
    }
}

/// Sessions for which somebody knows that answer, or nobody one.
pub(super) fn sessions(answer: Option<&'static str>) -> SshSessions {
    SshSessions::new(Arc::new(Knows(answer)), Some(env!("CARGO_BIN_EXE_sceplab").into()))
}

pub(super) async fn connect(target: &SshTarget) -> Result<SshDevice, TestbedError> {
    sessions(None).open("DUT0", target, false).await
}

/// Why there is no device.
#[track_caller]
pub(super) fn reason(outcome: Result<SshDevice, TestbedError>) -> String {
    match outcome {
        Err(TestbedError::Device { name, reason }) => {
            assert_eq!(name, "DUT0");
            reason
        }
        Err(other) => panic!("it is no broken device: {other:?}"),
        Ok(_) => panic!("there is a device"),
    }
}

#[track_caller]
pub(super) fn assert_tells(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
}
