//! A scenario is skipped for what a client cannot do only if the step that failed is about its device.

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

/// The verdict on a failing check at one of two devices, of which `DUT0` has the limit.
async fn verdict_of_check_at(device: &str) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let text = format!(
        "title: T
lab:
  devices:
    DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}
    DUT1: {{interfaces: {{eth0: 10.0.0.0/24}}}}
steps:
- run: {{device: {device}, command: x, contains: never}}
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
    let skipped = verdict_of_check_at("DUT0").await;
    assert!(matches!(skipped, Verdict::Skipped(_)), "{skipped:?}");
    let failed = verdict_of_check_at("DUT1").await;
    assert!(matches!(failed, Verdict::Failed(_)), "{failed:?}");
}
