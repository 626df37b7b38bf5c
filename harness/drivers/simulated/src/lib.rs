//! Mock PKIs, simulated devices and clients under test behind the contracts of `testbed`, and what drivers share that have
//! them in processes of their own.
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
pub mod server;
pub mod sim_device;

use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use model::lab::{self, Lab};
use testbed::{Client, Driver, DriverName, KeySupply, Testbed, TestbedError};

use crate::client::Builtin;
use crate::lab_ca::LabCa;
use crate::mock_pki::MockPki;

/// A driver whose simulated devices have a console for use by hand.
#[async_trait]
pub trait ConsoleDriver: Driver {
    /// Builds `lab` and hands out the command line of its simulated device of that name.
    ///
    /// The device is of use as long as the testbed is kept.
    ///
    /// # Errors
    /// As [`Driver::build`], and when the lab has no such device.
    async fn console(
        &self,
        lab: &Lab,
        device: &str,
        id: &str,
    ) -> Result<(RemoteConsole, Testbed), TestbedError>;
}

/// Builds a lab without hosts and devices: its PKIs are spoken to in this process.
///
/// # Errors
/// When a PKI cannot be started.
pub fn without_network(lab: &Lab, client: Client) -> Result<Testbed, TestbedError> {
    let mut testbed = Testbed { keys: KeySupply::Shared, ..Testbed::default() };
    for (name, plan) in &lab.pkis {
        let pki = MockPki::in_this_process(&LabCa::open(name, plan, None)?);
        testbed.pkis.insert(name.clone(), Arc::new(pki));
    }
    // A client that is a program would need a network.
    if client == Client::Builtin {
        testbed.client = Some(Arc::new(Builtin::new(testbed.pkis.clone())));
    }
    Ok(testbed)
}

/// Nothing but the driver `live` reaches what is there already.
///
/// # Errors
/// [`TestbedError::NotSupported`] with what the lab reaches.
pub fn refuse_real_things(lab: &Lab, driver: DriverName) -> Result<(), TestbedError> {
    let by_ssh = lab.devices.iter().find_map(|(name, device)| {
        Some(format!("devices over SSH: `{name}` is at {}", device.ssh.as_ref()?))
    });
    let by_url = lab.by_url.first_key_value();
    let by_url = by_url.map(|(name, pki)| format!("PKIs by URL: `{name}` is at {}", pki.url));
    by_ssh.or(by_url).map_or(Ok(()), |what| Err(TestbedError::NotSupported { driver, what }))
}

/// An image that a host runs, in words.
pub fn image_of(host: &str, image: &lab::Image) -> String {
    format!("images: host `{host}` runs `{}`; `--driver docker` does", image.name)
}
