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
pub mod recorded_pki;
pub mod server;
pub mod serving;
pub mod sim_device;
pub mod tapped;
pub mod tls;

use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use model::lab::{self, Lab};
use process::faketime::Faketime;
use testbed::{Client, Driver, DriverName, KeyStore, LabOptions, Testbed, TestbedError};

use crate::client::Builtin;
use crate::lab_ca::LabCa;
use crate::mock_pki::MockPki;
use crate::recorded_pki::RecordedPki;

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
/// If a PKI cannot be started.
pub async fn without_network(
    lab: &Lab,
    id: &str,
    options: &LabOptions,
    keys: &KeyStore,
) -> Result<Testbed, TestbedError> {
    let client = options.client;
    let mut testbed = Testbed { keys: keys.clone(), clock: lab.clock(), ..Testbed::default() };
    let recorder = options.recorder(id, &testbed.clock);
    testbed.wire = Some(Arc::new(recorder.clone()));
    for (name, plan) in &lab.pkis {
        let ca = LabCa::open(name, plan, None, &testbed.clock)?.recorded(Some(recorder.clone()));
        let pki = MockPki::in_this_process(&ca);
        testbed.pkis.insert(name.clone(), Arc::new(pki));
    }
    for (name, plan) in &lab.recorded {
        let pki = RecordedPki::open(lab, name, plan, &testbed.clock, &recorder).await?;
        testbed.secrets.extend(pki.secrets());
        testbed.pkis.insert(name.clone(), Arc::new(pki));
    }
    // A client that is a program would need a network.
    if client == Client::Builtin {
        testbed.client = Some(Arc::new(Builtin::new(
            testbed.pkis.clone(),
            testbed.clock.clone(),
            testbed.keys.clone(),
        )));
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

/// Refuses a lab with a recorded PKI, which answers in the process of the run alone.
///
/// # Errors
/// [`TestbedError::NotSupported`], with the PKI.
pub fn refuse_recorded(lab: &Lab, driver: DriverName) -> Result<(), TestbedError> {
    let Some((name, pki)) = lab.recorded.first_key_value() else { return Ok(()) };
    let bundle = pki.bundle.display();
    let what = format!("recorded PKIs: `{name}` answers from `{bundle}`; `--driver virtual` does");
    Err(TestbedError::NotSupported { driver, what })
}

/// Refuses a lab whose time is not that of the system, if it has a program that goes by the system's clock all the same.
///
/// # Errors
/// [`TestbedError::NotSupported`], with the program and the reason.
pub fn refuse_clock_of_programs(
    lab: &Lab,
    client: Client,
    driver: DriverName,
) -> Result<(), TestbedError> {
    if !lab.has_own_time() {
        return Ok(());
    }
    let what = if lab.has_own_clocks() { "`clock`" } else { "`advance`" };
    // The skew of a device alone does not concern a server.
    let server = || server_of_system(lab, driver).filter(|_| lab.leaves_system_time());
    let bound = client_of_system(client, driver).or_else(server);
    bound.map_or(Ok(()), |bound| {
        let what = format!("{what} in a lab with a program: {bound}");
        Err(TestbedError::NotSupported { driver, what })
    })
}

/// Why the client goes by the clock of the system, if it does.
fn client_of_system(client: Client, driver: DriverName) -> Option<String> {
    if client == Client::Builtin {
        return None;
    }
    let hindrance = match driver {
        DriverName::Netns => client.time_hindrance()?.to_string(),
        _ => "there is no libfaketime where it runs; `--driver netns` can have it".to_owned(),
    };
    Some(format!("the client `{client}` goes by the system's clock: {hindrance}"))
}

/// The server that goes by the clock of the system, if there is one.
fn server_of_system(lab: &Lab, driver: DriverName) -> Option<String> {
    let hosts = lab.programs().map(|(name, _)| name).chain(lab.images().map(|(name, _)| name));
    let host = hosts.into_iter().next()?;
    let program = format!("the program of `{host}` goes by the system's clock");
    let hindrance = lab.programs().next().and_then(|(_, program)| {
        let (path, name) = (std::env::var_os("PATH")?, program.command.first()?);
        Faketime::for_program(&process::find(name, &path)?).err()
    });
    Some(match hindrance {
        _ if driver != DriverName::Netns => {
            format!("{program}: there is no libfaketime where it runs")
        }
        Some(hindrance) => format!("{program}: {hindrance}"),
        None => format!("{program}: libfaketime is given to clients alone"),
    })
}

/// The image that a host runs, as the unsupported feature of an error.
pub fn image_of(host: &str, image: &lab::Image) -> String {
    format!("images: host `{host}` runs `{}`; `--driver docker` does", image.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driver_without_recorded_pkis_says_which_has_them() {
        let pki = lab::RecordedPki { bundle: "/b/a".into(), pki: None, port: None };
        let lab = Lab { recorded: [("ca".to_owned(), pki)].into(), ..Lab::default() };
        let refused = refuse_recorded(&lab, DriverName::Netns).unwrap_err().to_string();
        let expected = "driver `netns` does not support recorded PKIs: `ca` answers from `/b/a`; `--driver virtual` does";
        assert_eq!(refused, expected);
        assert_eq!(refuse_recorded(&Lab::default(), DriverName::Netns), Ok(()));
    }
}
