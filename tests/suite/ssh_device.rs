//! A device over SSH: real OpenSSH servers, whose login shells are devices good and bad.
#![cfg(target_os = "linux")]

mod changes; // the configuration replaced, refused, put back
mod cut; // connections that break, devices that restart
mod doors; // who is let in, and by whom
mod dut; // `sceplab dut` as the login shell
mod misbehaving; // what comes between a device and its users
mod outputs; // what devices print
mod system_ssh; // the program `ssh`: its configuration, what it is asked and shown

mod sshd; // the server

use std::sync::Arc;

use harness::drivers::ssh_device::{Passwords, SshDevice, SshSessions};
use harness::lab::{Secret, SshTarget};
use harness::run::BenchError;

/// The login shell of a device; `special` is a function that may carry out a line in its stead.
fn script(special: &str) -> String {
    include_str!("ssh_device/script.sh").replace("# SPECIAL", special)
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
fn sessions(answer: Option<&'static str>) -> SshSessions {
    SshSessions::new(Arc::new(Knows(answer)), Some(env!("CARGO_BIN_EXE_sceplab").into()))
}

async fn connect(target: &SshTarget) -> Result<SshDevice, BenchError> {
    sessions(None).open("DUT0", target, false).await
}

/// Why there is no device.
#[track_caller]
fn reason(outcome: Result<SshDevice, BenchError>) -> String {
    match outcome {
        Err(BenchError::Device { name, reason }) => {
            assert_eq!(name, "DUT0");
            reason
        }
        other => panic!("it is no broken device: {other:?}"),
    }
}

#[track_caller]
fn assert_tells(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
}
