//! Builds the documented labs.

use std::path::Path;
use std::time::Duration;

use super::*;
use testbed::device::{Change, DeviceError};

fn lab(name: &str) -> Lab {
    let path = format!("{}/../../../scenarios/labs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    Lab::load(Path::new(&path)).unwrap()
}

#[tokio::test]
async fn documented_lab_has_a_device_and_a_pki() {
    let testbed = Virtual::default().build(&lab("windows-pki"), "x").await.unwrap();
    assert_eq!(testbed.devices.keys().collect::<Vec<_>>(), ["DUT0"]);
    assert_eq!(testbed.pkis.keys().collect::<Vec<_>>(), ["windows-pki"]);
    assert_eq!(testbed.pkis["windows-pki"].issued().await.unwrap(), []);
}

#[tokio::test]
async fn refused_configuration_line_is_reported() {
    let testbed = Virtual::default().build(&lab("linux-pki"), "x").await.unwrap();
    let lines = "set interfaces ethernet eth0 address 10.215.168.64/24\nset nonsense";

    let refused = testbed.devices["DUT0"].configure(Change::Replace(lines)).await;

    assert!(
        matches!(&refused, Err(DeviceError::ConfigurationRefused { line: 2, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn unknown_command_and_ping_without_replies_fail() {
    let testbed = Virtual::default().build(&lab("linux-pki"), "x").await.unwrap();
    let device = &testbed.devices["DUT0"];
    let lines = "set interfaces ethernet eth0 address 10.215.168.64/24";
    device.configure(Change::Replace(lines)).await.unwrap();

    let unknown = device.execute("reboot the moon").await;
    let lost = device.execute("ping 10.215.168.99 count 1 size 56 timeout 1").await;

    assert!(matches!(unknown, Err(DeviceError::CommandRefused { .. })), "{unknown:?}");
    let Err(DeviceError::CommandRefused { output }) = lost else { panic!("{lost:?}") };
    assert!(output.contains("100% packet loss"), "{output}");
    device.execute("ping 10.215.168.1 count 1 size 56 timeout 1").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_unchanged_device_takes_the_whole_pause() {
    let testbed = Virtual::default().build(&lab("linux-pki"), "x").await.unwrap();
    let device = &testbed.devices["DUT0"];
    device.execute("show running").await.unwrap();
    let before = tokio::time::Instant::now();

    device.changed(Duration::from_millis(30)).await;

    assert!(before.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn console_of_an_unknown_device_is_refused() {
    let built = Virtual::default().console(&lab("linux-pki"), "DUT9", "x").await;
    let Err(TestbedError::Device { name, .. }) = built.map(drop) else { panic!("there is one") };
    assert_eq!(name, "DUT9");
}

#[tokio::test]
async fn lab_without_the_captures_that_it_should_have_works_and_tells_it() {
    let captures = Some("/dev/null/captures".into());
    let driver =
        Virtual { options: LabOptions { captures, ..LabOptions::default() }, ..Virtual::default() };

    let testbed = driver.build(&lab("linux-pki"), "x").await.unwrap();
    let device = &testbed.devices["DUT0"];
    let lines = "set interfaces ethernet eth0 address 10.215.168.64/24";
    device.configure(Change::Replace(lines)).await.unwrap();
    device.execute("ping 10.215.168.1 count 1 size 56 timeout 1").await.unwrap();
    testbed.close().await;

    let Remains { captures, .. } = driver.settle().await;
    assert_eq!(captures.len(), 1, "{captures:?}");
    let words = "captures of `x` cannot be written to `/dev/null/captures`: ";
    assert!(captures[0].starts_with(words), "{captures:?}");
}
