//! A device of a test, and connecting to it.

use std::sync::Arc;

use driver_live::ssh_device::{Passwords, SshDevice, SshSessions};
use model::lab::{Secret, SshTarget};
use testbed::TestbedError;

/// The login shell of a device; its function `special` may handle a line first.
pub(super) fn script(special: &str) -> String {
    include_str!("script.sh").replace("# SPECIAL", special)
}

/// Gives the same password each time, or none.
struct FixedAnswer(Option<&'static str>);

impl Passwords for FixedAnswer {
    fn ask(&self, _: &str, again: bool) -> Result<Secret, String> {
        let known = self.0.filter(|_| !again).map(Secret::new);
        known.ok_or_else(|| "no password is known".to_owned())
    }
}

/// Sessions that get this answer if they ask for a password.
pub(super) fn sessions(answer: Option<&'static str>) -> SshSessions {
    SshSessions::new(Arc::new(FixedAnswer(answer)), Some(env!("CARGO_BIN_EXE_sceplab").into()))
}

pub(super) async fn connect(target: &SshTarget) -> Result<SshDevice, TestbedError> {
    sessions(None).open("DUT0", target, false).await
}

/// The reason why connecting failed.
#[track_caller]
pub(super) fn reason(outcome: Result<SshDevice, TestbedError>) -> String {
    match outcome {
        Err(TestbedError::Device { name, reason }) => {
            assert_eq!(name, "DUT0");
            reason
        }
        Err(other) => panic!("not an error of the device: {other:?}"),
        Ok(_) => panic!("connecting succeeded"),
    }
}

#[track_caller]
pub(super) fn assert_contains(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
}
