//! Labs on the kernel's network, by the binary.
#![cfg(target_os = "linux")]

mod captures; // files that Wireshark opens
mod gone; // nothing is left of a lab, however it ends
mod lab; // a lab that stands, found and watched
mod permission; // what is said where namespaces are forbidden
mod refused; // labs that the kernel does not take
mod servers; // server programs, good and bad
mod shell; // a look around
mod speech; // what is said to a PKI there, and what it tells

use std::path::Path;

use harness::drivers::Netns;
use harness::testbed::{BenchError, Driver, DriverName, LabOptions};

use super::sceplab::skip;

/// Whether namespaces are permitted here; where they are not, the test says so and has nothing to try.
#[track_caller]
pub(crate) fn permitted() -> bool {
    match probe() {
        Ok(()) => true,
        Err(error) => {
            skip(reason_to_skip(&error));
            false
        }
    }
}

/// What keeps this machine from having labs; any other error is one of the driver's.
#[track_caller]
fn reason_to_skip(error: &BenchError) -> &str {
    match error {
        BenchError::NotPermitted { reason, .. } => reason,
        BenchError::NotSupported { what, .. } => what,
        other => panic!("the driver is broken: {other}"),
    }
}

#[test]
fn what_is_not_permitted_is_a_reason_to_skip() {
    let reason = "no namespaces".to_owned();
    let error = BenchError::NotPermitted { driver: DriverName::Netns, reason };
    assert_eq!(reason_to_skip(&error), "no namespaces");
}

#[test]
#[should_panic(expected = "the driver is broken: network: no cable")]
fn a_driver_that_is_broken_is_no_reason_to_skip() {
    reason_to_skip(&BenchError::Network { reason: "no cable".to_owned() });
}

fn probe() -> Result<(), BenchError> {
    runtime().block_on(driver().probe())
}

/// Builds labs as the binary does.
fn driver() -> Netns {
    let sceplab = Some(Path::new(env!("CARGO_BIN_EXE_sceplab")).to_owned());
    Netns::new(LabOptions { sceplab, ..LabOptions::default() })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
