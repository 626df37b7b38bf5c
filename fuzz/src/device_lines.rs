//! The command line of a simulated device.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use async_trait::async_trait;
use dut_sim::{
    Device, DeviceSettings, GrowingPause, KeySource, Secret,
    network::{
        Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError,
        Stream,
    },
};

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{CHALLENGE, DEVICE, run},
    text,
};

/// How many lines of an input are typed.
const LINES: usize = 48;

/// Types each line at the console of a device, which is on no network, and then gives the configuration to another device.
///
/// # Panics
/// If an output steers a terminal or shows a challenge password, or if another device does not take the configuration as it is shown.
pub fn device_lines(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let lines = String::from_utf8_lossy(data);
    run(async {
        let device = start();
        configured(&device, &lines).await;
        let secret = format!("set system certificate scep csr SECRET password {CHALLENGE}");
        let typed = ["configure", &secret].into_iter().chain(lines.lines().take(LINES));
        for line in typed {
            let reply = device.execute(line).await;
            check(&reply.output, &lines);
        }
        check(&device.prompt().await, &lines);
        for line in device.protocol_log().iter().chain(&device.notes()) {
            check(line, &lines);
        }
        again(&device).await;
        device.switch_off().await;
    });
}

fn start() -> Arc<Device> {
    let never = Duration::from_secs(3600);
    Device::start(DeviceSettings {
        device_key: Some(Secret::new("fuzz")),
        program_path: None,
        key_source: KeySource::prepared(vec![DEVICE.key.clone()]),
        retry_pause: GrowingPause { first: never, longest: never },
        start_time: Duration::ZERO,
        ..DeviceSettings::new(Arc::new(Nowhere))
    })
}

fn check(output: &str, lines: &str) {
    text::check_characters(&output.replace('\t', " "));
    let shows = output.contains(CHALLENGE) && !lines.contains(CHALLENGE);
    assert!(!shows, "the challenge password is shown: {output}");
}

/// Gives all lines at once, as a scenario does.
async fn configured(device: &Device, lines: &str) {
    if let Err(error) = device.replace_configuration(lines).await {
        text::check(&error.message);
        let number = lines.lines().count().max(1);
        assert!((1..=number).contains(&error.line), "{error}");
    }
}

/// Another device takes the configuration as the first one shows it, and shows it the same.
async fn again(device: &Device) {
    let shown = running(device).await;
    let other = start();
    other.replace_configuration(&shown).await.expect("what is shown can be entered");
    assert_eq!(running(&other).await, shown);
    other.switch_off().await;
}

/// The active configuration.
async fn running(device: &Device) -> String {
    let is_editing = device.prompt().await.ends_with("# ");
    let command = if is_editing { "run show running" } else { "show running" };
    let output = device.execute(command).await.output;
    let lines: Vec<_> = output.lines().filter(|line| line.starts_with("set ")).collect();
    lines.join("\n")
}

/// A network without anybody in it.
struct Nowhere;

#[async_trait]
impl Network for Nowhere {
    async fn apply(&self, _: &Addressing) -> Result<(), ApplyError> {
        Ok(())
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        host.parse().map_err(|_| ResolveError::Unknown { host: host.to_owned() })
    }

    async fn echo(&self, _: &EchoRequest) -> EchoOutcome {
        EchoOutcome::NoRoute
    }

    async fn connect(&self, _: Ipv4Addr, _: u16) -> Result<Box<dyn Stream>, ConnectError> {
        Err(ConnectError::NoRoute)
    }
}
