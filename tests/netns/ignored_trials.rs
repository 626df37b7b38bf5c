//! Errors of the driver that ignore a trial, and others that fail it.

use testbed::{DriverName, TestbedError};

use crate::support::needs::reason;
use crate::support::trials::{Planned, trials};

pub(crate) fn trials() -> Vec<Planned> {
    trials![
        &[];
        unavailable_driver_ignores_a_trial,
        broken_driver_fails_a_trial,
    ]
}

fn unavailable_driver_ignores_a_trial() {
    let told = "no namespaces".to_owned();
    let error = TestbedError::NotPermitted { driver: DriverName::Netns, reason: told };
    assert_eq!(reason(&error), "no namespaces");
    let error =
        TestbedError::NotSupported { driver: DriverName::Netns, what: "this system".to_owned() };
    assert_eq!(reason(&error), "this system");
    let error = TestbedError::NoEngine { reason: "no engine".to_owned() };
    assert_eq!(reason(&error), "no engine");
}

fn broken_driver_fails_a_trial() {
    let broken = TestbedError::Network { reason: "no cable".to_owned() };
    let panic = std::panic::catch_unwind(|| reason(&broken)).unwrap_err();
    let told = panic.downcast_ref::<String>().unwrap();
    assert_eq!(told, "the driver is broken: network: no cable");
}
