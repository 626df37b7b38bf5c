//! What a device or a PKI that breaks, or cannot do something, makes of a run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use harness::cli::Exit;
use harness::device::{Change, Device, DeviceError};
use harness::outcome::{Outcome, Verdict};
use harness::run::run_on;
use harness::scenario::{discover, load};
use harness::testbed::Bench;

use super::samples;

/// A device that answers everything with one error.
struct Useless(DeviceError);

#[async_trait]
impl Device for Useless {
    async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
        Err(self.0.clone())
    }

    async fn execute(&self, _: &str) -> Result<String, DeviceError> {
        Err(self.0.clone())
    }
}

/// What becomes of a scenario whose device is of no use.
async fn run(error: DeviceError) -> (Verdict, Exit) {
    let samples = samples();
    let found = discover(&[samples.path().join("scenarios/ping.yaml")]).unwrap();
    let scenario = load(&found[0], None).unwrap();
    let mut bench = Bench::default();
    bench.devices.insert("DUT0".to_owned(), Arc::new(Useless(error)));
    let finished = run_on(&scenario, &bench).await;
    let verdict = finished.verdict.clone();
    let elapsed = Duration::ZERO;
    let (scenarios, unfinished) = (vec![finished], Vec::new());
    let outcome = Outcome { scenarios, unfinished, selected: 1, elapsed, interrupted: false };
    (verdict, Exit::of(&outcome))
}

#[tokio::test]
async fn a_device_that_breaks_is_a_broken_lab() {
    let (verdict, exit) = run(DeviceError::Broken { reason: "no power".to_owned() }).await;
    assert!(
        matches!(&verdict, Verdict::LabBroke { reason } if reason.contains("no power")),
        "{verdict:?}"
    );
    assert_eq!(exit as u8, 3);
}

#[tokio::test]
async fn what_a_device_cannot_do_is_a_skip_with_its_reason() {
    let (verdict, exit) = run(DeviceError::NotSupported { what: "configuring".to_owned() }).await;
    assert!(
        matches!(&verdict, Verdict::Skipped { reason } if reason.contains("configuring")),
        "{verdict:?}"
    );
    assert_eq!(exit as u8, 0);
}

#[tokio::test]
async fn a_configuration_that_is_refused_is_a_failed_check() {
    let refused = DeviceError::ConfigurationRefused {
        line: 1,
        text: "set x".to_owned(),
        message: "no".to_owned(),
    };
    let (verdict, exit) = run(refused).await;
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    assert_eq!(exit as u8, 4);
}
