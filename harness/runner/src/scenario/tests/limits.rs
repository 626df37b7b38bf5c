//! A scenario is skipped for what a client cannot do only if the step that failed shows what the client of its device has done.

use super::*;

/// Shows nothing, and has a client with a limit.
struct LimitedDevice;

#[async_trait]
impl Device for LimitedDevice {
    async fn configure(&self, _: Change<'_>) -> Result<(), DeviceError> {
        Ok(())
    }

    async fn execute(&self, _: &str) -> Result<String, DeviceError> {
        Ok(String::new())
    }

    async fn limits(&self) -> Vec<String> {
        vec!["the client does not ask for lists".to_owned()]
    }
}

/// The verdict on a step that fails in a lab with two devices, of which `DUT0` has the limit.
async fn verdict_of(step: &str) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let text = format!(
        "title: T
lab:
  devices:
    DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}
    DUT1: {{interfaces: {{eth0: 10.0.0.0/24}}}}
steps:
- {step}
"
    );
    std::fs::write(&path, text).unwrap();
    let scenario = load(&Found { id: "a".to_owned(), path }, None).unwrap();
    let other = FakeDevice {
        outputs: vec![Ok("")],
        calls: AtomicUsize::new(0),
        configured: Mutex::default(),
    };
    let mut testbed = Testbed::default();
    testbed.devices.insert("DUT0".to_owned(), Arc::new(LimitedDevice));
    testbed.devices.insert("DUT1".to_owned(), Arc::new(other));
    run_on(&scenario, &testbed).await.verdict
}

#[tokio::test(start_paused = true)]
async fn only_the_failure_of_the_device_with_the_limit_is_a_skip() {
    let skipped = verdict_of("run: {device: DUT0, command: x, contains: never}").await;
    assert!(matches!(skipped, Verdict::Skipped(_)), "{skipped:?}");
    let failed = verdict_of("run: {device: DUT1, command: x, contains: never}").await;
    assert!(matches!(failed, Verdict::Failed(_)), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn failure_of_a_step_without_the_client_is_no_skip() {
    let failed = verdict_of("ping: {device: DUT0, address: 10.0.0.1}").await;
    assert!(matches!(failed, Verdict::Failed(_)), "{failed:?}");
}
