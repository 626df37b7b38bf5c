//! Concurrent scenarios; some panic, hang or have broken labs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use model::lab::Lab;
use model::scenario::{Found, load};
use results::{Results, Status};
use testbed::device::{Change, Device, DeviceError};
use testbed::{Testbed, TestbedError};

/// Device that panics, hangs, or counts its concurrent commands, depending on the command.
struct ScriptedDevice;

/// A command with a secret.
const PASSWORD: &str = "set system certificate scep csr CSR password hunter2";

static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
static MOST_AT_ONCE: AtomicUsize = AtomicUsize::new(0);

#[async_trait]
impl Device for ScriptedDevice {
    async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
        Ok(())
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        match command {
            "panic" => panic!("the string broke"),
            "hang" => std::future::pending().await,
            "count" => {
                let now = AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1;
                MOST_AT_ONCE.fetch_max(now, Ordering::SeqCst);
                // The paused clock advances only when all tasks wait, so all permitted scenarios run by then.
                tokio::time::sleep(Duration::from_millis(20)).await;
                AT_ONCE.fetch_sub(1, Ordering::SeqCst);
                Ok(String::new())
            }
            _ => Ok(String::new()),
        }
    }
}

/// Driver that builds labs of scripted devices, or fails.
struct ScriptedDriver;

#[async_trait]
impl Driver for ScriptedDriver {
    async fn build(&self, lab: &Lab, _: &str) -> Result<Testbed, TestbedError> {
        if lab.hosts.contains_key("broken") {
            return Err(TestbedError::Network { reason: "no cable for hunter2".to_owned() });
        }
        let mut testbed = Testbed::default();
        testbed.devices.insert("DUT0".to_owned(), Arc::new(ScriptedDevice));
        Ok(testbed)
    }
}

fn scenario(id: &str, host: &str, command: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let text = format!(
        "title: T
lab:
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
  hosts: {{{host}: {{addresses: [10.0.0.1/24]}}}}
steps: [run: {{command: {command}}}]
"
    );
    std::fs::write(&path, text).unwrap();
    load(&Found { id: id.to_owned(), path }, None).unwrap()
}

fn jobs(scenarios: Vec<Scenario>) -> Vec<Job> {
    let job = |scenario| Job { scenario, driver: Arc::new(ScriptedDriver) };
    scenarios.into_iter().map(job).collect()
}

fn at_once(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[tokio::test]
async fn panic_ends_the_run_and_broken_lab_does_not() {
    let scenarios = vec![
        scenario("b", "broken", PASSWORD),
        scenario("a", "h", "x"),
        scenario("d", "h", "panic"),
        scenario("c", "h", "x"),
    ];
    let mut finished = 0;
    let observe = |event: Event<'_>| finished += usize::from(matches!(event, Event::Finished(_)));
    let outcome = run_jobs(jobs(scenarios), at_once(1), std::future::pending(), observe).await;
    let verdicts: Vec<&Verdict> =
        outcome.scenarios.iter().map(|scenario| &scenario.verdict).collect();
    let message = "the string broke".to_owned();
    let reason = "network: no cable for ****".to_owned().into();
    assert_eq!(
        verdicts,
        [&Verdict::Passed, &Verdict::LabBroke { reason }, &Verdict::Panicked { message }]
    );
    let unfinished: Vec<_> =
        outcome.unfinished.iter().map(|one| (one.id.as_str(), one.begun)).collect();
    assert_eq!(unfinished, [("c", false)]);
    assert_eq!((finished, outcome.selected, outcome.interrupted), (3, 4, false));
}

#[tokio::test]
async fn scenario_under_way_beside_a_panic_is_unfinished() {
    let scenarios = vec![scenario("a", "h", "hang"), scenario("b", "h", "panic")];
    let outcome = run_jobs(jobs(scenarios), at_once(2), std::future::pending(), |_| {}).await;
    assert_eq!(outcome.count(&[Status::Panicked]), 1);
    assert!(matches!(&outcome.unfinished[..], [one] if one.id == "a" && one.begun));
}

#[tokio::test]
async fn elapsed_time_includes_a_failed_lab_build() {
    let jobs = jobs(vec![scenario("a", "broken", "x")]);
    let outcome = run_jobs(jobs, at_once(1), std::future::pending(), |_| {}).await;
    assert_ne!(outcome.scenarios[0].elapsed, Duration::ZERO);
}

#[tokio::test]
async fn stopped_run_reports_finished_scenarios() {
    let scenarios =
        vec![scenario("a", "h", "x"), scenario("b", "h", "hang"), scenario("c", "h", "x")];
    let (stopper, stop) = tokio::sync::oneshot::channel();
    let mut stopper = Some(stopper);
    let observe = |event: Event<'_>| {
        if matches!(event, Event::Finished(_)) {
            stopper.take().unwrap().send(()).unwrap();
        }
    };
    let stop = async { stop.await.unwrap() };
    let outcome = run_jobs(jobs(scenarios), at_once(1), stop, observe).await;
    assert_eq!((outcome.scenarios.len(), outcome.selected, outcome.interrupted), (1, 3, true));
}

#[tokio::test(start_paused = true)]
async fn number_of_concurrent_scenarios_is_limited() {
    let scenarios = (0..12).map(|index| scenario(&format!("{index}"), "h", "count")).collect();
    let outcome = run_jobs(jobs(scenarios), at_once(3), std::future::pending(), |_| {}).await;
    assert_eq!(outcome.count(&[Status::Passed]), 12);
    assert_eq!(MOST_AT_ONCE.load(Ordering::SeqCst), 3);
}

/// Numbers of concurrent users of one exclusive resource.
static AT_RESOURCE: AtomicUsize = AtomicUsize::new(0);
static MOST_AT_RESOURCE: AtomicUsize = AtomicUsize::new(0);

struct CountingDevice;

#[async_trait]
impl Device for CountingDevice {
    async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
        Ok(())
    }

    async fn execute(&self, _: &str) -> Result<String, DeviceError> {
        let now = AT_RESOURCE.fetch_add(1, Ordering::SeqCst) + 1;
        MOST_AT_RESOURCE.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        AT_RESOURCE.fetch_sub(1, Ordering::SeqCst);
        Ok(String::new())
    }
}

/// Driver whose labs all need the same resource exclusively.
struct ExclusiveDriver;

#[async_trait]
impl Driver for ExclusiveDriver {
    async fn build(&self, _: &Lab, _: &str) -> Result<Testbed, TestbedError> {
        let mut testbed = Testbed::default();
        testbed.devices.insert("DUT0".to_owned(), Arc::new(CountingDevice));
        Ok(testbed)
    }

    fn exclusive(&self, _: &Lab) -> BTreeSet<String> {
        BTreeSet::from(["ssh 198.51.100.7:22".to_owned()])
    }
}

#[tokio::test(start_paused = true)]
async fn scenarios_with_the_same_exclusive_resource_run_one_after_another() {
    let job =
        |id: &str| Job { scenario: scenario(id, "h", "x"), driver: Arc::new(ExclusiveDriver) };
    let jobs = ["a", "b", "c"].map(job).into();
    let outcome = run_jobs(jobs, at_once(3), std::future::pending(), |_| {}).await;
    assert_eq!(outcome.scenarios.len(), 3);
    assert_eq!(MOST_AT_RESOURCE.load(Ordering::SeqCst), 1);
}
