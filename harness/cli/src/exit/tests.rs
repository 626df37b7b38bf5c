//! Exit codes of runs whose device breaks or cannot do something.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::scenario::{discover, load};
use results::{Outcome, Verdict};
use runner::run_on;
use testbed::Testbed;
use testbed::device::{Change, Device, DeviceError};

use super::*;

/// A device that returns the same error for everything.
struct FailingDevice(DeviceError);

#[async_trait]
impl Device for FailingDevice {
    async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
        Err(self.0.clone())
    }

    async fn execute(&self, _: &str) -> Result<String, DeviceError> {
        Err(self.0.clone())
    }
}

const PING: &str = "title: T
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24]}}
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.2/24}
  - ping: {address: 10.0.0.1}
";

/// Runs a scenario on a device that returns `error`.
async fn run(error: DeviceError) -> (Verdict, Exit) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ping.yaml");
    std::fs::write(&path, PING).unwrap();
    let found = discover(&[path]).unwrap();
    let scenario = load(&found[0], None).unwrap();
    let mut testbed = Testbed::default();
    testbed.devices.insert("DUT0".to_owned(), Arc::new(FailingDevice(error)));
    let finished = run_on(&scenario, &testbed).await;
    let verdict = finished.verdict.clone();
    let elapsed = Duration::ZERO;
    let (scenarios, unfinished) = (vec![finished], Vec::new());
    let (interrupted, caution) = (false, None);
    let outcome = Outcome { scenarios, unfinished, selected: 1, elapsed, interrupted, caution };
    (verdict, Exit::of(&outcome))
}

#[tokio::test]
async fn broken_device_is_a_broken_lab() {
    let (verdict, exit) = run(DeviceError::Broken { reason: "no power".to_owned() }).await;
    assert!(
        matches!(&verdict, Verdict::LabBroke { reason } if reason.reason.ends_with("no power")),
        "{verdict:?}"
    );
    assert_eq!(exit as u8, 3);
}

#[tokio::test]
async fn unsupported_operation_of_a_device_skips_the_scenario() {
    let (verdict, exit) = run(DeviceError::NotSupported { what: "configuring".to_owned() }).await;
    assert!(
        matches!(&verdict, Verdict::Skipped(skip) if skip.reason.contains("configuring")),
        "{verdict:?}"
    );
    assert_eq!(exit as u8, 0);
}

#[tokio::test]
async fn refused_configuration_is_a_failed_check() {
    let refused = DeviceError::ConfigurationRefused {
        line: 1,
        text: "set x".to_owned(),
        message: "no".to_owned(),
    };
    let (verdict, exit) = run(refused).await;
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    assert_eq!(exit as u8, 4);
}

#[test]
fn interruption_decides_the_exit_code() {
    let outcome = |interrupted| Outcome {
        scenarios: Vec::new(),
        unfinished: Vec::new(),
        selected: 0,
        elapsed: Duration::ZERO,
        interrupted,
        caution: None,
    };
    assert_eq!(Exit::of(&outcome(true)), Exit::Interrupted);
    assert_eq!(Exit::of(&outcome(false)), Exit::Success);
}
