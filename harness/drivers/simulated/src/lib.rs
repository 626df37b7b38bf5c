//! Mock PKIs, simulated devices and clients under test behind the contracts of `testbed`, and the code that drivers share to run
//! them in separate processes.
#![forbid(unsafe_code)]

pub mod channel;
pub mod client;
pub mod connector;
pub mod control;
pub mod exit;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod lab_ca;
pub mod mock_pki;
pub mod pcap;
pub mod recorded_ca;
pub mod server;
pub mod serving;
pub mod sim_device;

use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use model::lab::{self, Lab};
use testbed::{Client, Driver, DriverName, KeyStore, LabOptions, Testbed, TestbedError};

use crate::client::Builtin;
use crate::lab_ca::LabCa;
use crate::mock_pki::MockPki;

/// A driver whose simulated devices have a console for use by hand.
#[async_trait]
pub trait ConsoleDriver: Driver {
    /// Builds `lab` and returns the command line of its simulated device of that name.
    ///
    /// The device works as long as the testbed is kept.
    ///
    /// # Errors
    /// As [`Driver::build`], and if the lab has no such device.
    async fn console(
        &self,
        lab: &Lab,
        device: &str,
        id: &str,
    ) -> Result<(RemoteConsole, Testbed), TestbedError>;
}

/// Builds the lab `id` without hosts and devices; its PKIs are called in this process, and certify these `keys`.
///
/// # Errors
/// If a PKI cannot be started, or messages cannot be saved.
pub fn without_network(
    lab: &Lab,
    id: &str,
    options: &LabOptions,
    keys: &KeyStore,
) -> Result<Testbed, TestbedError> {
    let client = options.client;
    let mut testbed = Testbed { keys: keys.clone(), clock: lab.clock(), ..Testbed::default() };
    let recorder = options.recorder(id, &testbed.clock)?;
    for (name, plan) in &lab.pkis {
        let ca = LabCa::open(name, plan, None, &testbed.clock)?.recorded(recorder.clone());
        let pki = MockPki::in_this_process(&ca);
        testbed.pkis.insert(name.clone(), Arc::new(pki));
    }
    // A client that is a program would need a network.
    if client == Client::Builtin {
        testbed.client = Some(Arc::new(Builtin::new(testbed.pkis.clone(), testbed.clock.clone())));
    }
    Ok(testbed)
}

/// Refuses a lab with real devices or PKIs, which only the driver `live` reaches.
///
/// # Errors
/// [`TestbedError::NotSupported`], with the device or PKI.
pub fn refuse_live_lab(lab: &Lab, driver: DriverName) -> Result<(), TestbedError> {
    let by_ssh = lab.devices.iter().find_map(|(name, device)| {
        Some(format!("devices over SSH: `{name}` is at {}", device.ssh.as_ref()?))
    });
    let by_url = lab.by_url.first_key_value();
    let by_url = by_url.map(|(name, pki)| format!("PKIs by URL: `{name}` is at {}", pki.url));
    by_ssh.or(by_url).map_or(Ok(()), |what| Err(TestbedError::NotSupported { driver, what }))
}

/// Refuses a lab with clocks of its own that has a program, because programs go by the clock of the system.
///
/// # Errors
/// [`TestbedError::NotSupported`], with the program.
pub fn refuse_clock_of_programs(
    lab: &Lab,
    client: Client,
    driver: DriverName,
) -> Result<(), TestbedError> {
    if !lab.has_own_clocks() {
        return Ok(());
    }
    let server = lab.programs().map(|(name, _)| name).chain(lab.images().map(|(name, _)| name));
    let client = (client != Client::Builtin).then(|| format!("the client `{client}`"));
    let program = client.or_else(|| server.map(|host| format!("the program of `{host}`")).next());
    program.map_or(Ok(()), |program| {
        let what = format!("`clock` in a lab with a program: {program} goes by the system's clock");
        Err(TestbedError::NotSupported { driver, what })
    })
}

/// The image that a host runs, as the unsupported feature of an error.
pub fn image_of(host: &str, image: &lab::Image) -> String {
    format!("images: host `{host}` runs `{}`; `--driver docker` does", image.name)
}
