//! `sceplab dut`: the console of a simulated device in a lab.

mod serve;
mod sessions;
mod socket;

use std::path::{Path, PathBuf};

use clap::Args;
use dut_sim::console::{self, CommandsResult, Ending};
use dut_sim::remote::RemoteConsole;

use self::socket::connect;

use super::exit::{CommandError, Exit};
use super::lab_arguments::required_driver;
use super::stop::settle;
use super::{values, wiring};
use diagnostics::{Diagnostic, Source};
use model::lab::Lab;
use testbed::{Client, DriverName, LabOptions};

/// The lab of `sceplab dut` without `--lab`.
const DEFAULT_LAB: &str = include_str!("../../../scenarios/labs/linux-pki.yaml");

/// Use a simulated device by hand
///
/// The device is part of a lab, whose PKIs run as long as the console does.
///
/// With --serve the device keeps running, and each --attach opens a session with it, like a login over SSH.
#[derive(Clone, Debug, Default, Args)]
#[command(
    override_usage = "sceplab dut [OPTIONS]
       sceplab dut --serve SOCKET [OPTIONS]
       sceplab dut --attach SOCKET [-c COMMAND]",
    after_help = "\
Examples:
  sceplab dut
  sceplab dut --lab scenarios/labs/windows-pki.yaml
  sceplab dut --serve /tmp/dut.sock &
  sceplab dut --attach /tmp/dut.sock -c 'pki scep show CSR'

Exit codes:
  0  the session has ended
  2  wrong usage, or an invalid lab file
  3  the lab could not be built, or the device cannot be reached
  4  the device refused a command of -c
  130  interrupted"
)]
pub(super) struct Dut {
    /// The lab file [default: the lab of the documented scenario with the Linux PKI]
    #[arg(long, value_name = "FILE", conflicts_with = "attach")]
    lab: Option<PathBuf>,
    /// How the lab is built [default: virtual; netns if the client or a host of the lab is a program; docker if a host
    /// runs an image]
    #[arg(long, value_parser = values::driver(), value_name = "DRIVER", conflicts_with_all = ["on_socket", "attach"])]
    driver: Option<DriverName>,
    /// The SCEP client inside the device; all except `builtin` are programs, which need the driver `netns`
    #[arg(long, value_parser = values::client(), value_name = "CLIENT", default_value_t, conflicts_with = "attach")]
    client: Client,
    /// The image of hosts and devices, with `--driver docker` [default: an image that is made from this program]
    #[arg(long, value_name = "IMAGE", conflicts_with = "on_socket")]
    node_image: Option<String>,
    /// Be a device in a process of its own: the console is served on the socket that is the standard input
    #[arg(long, hide = true, conflicts_with_all = ["lab", "device"])]
    on_socket: bool,
    #[command(flatten)]
    serve: serve::Serving,
    #[command(flatten)]
    attach: Attaching,
    /// The device; needed only if the lab has several
    #[arg(long, value_name = "NAME", conflicts_with = "attach")]
    device: Option<String>,
}

impl Dut {
    /// True if a lab has started this process.
    pub(super) fn is_part_of_a_lab(&self) -> bool {
        self.on_socket
    }

    /// Runs the console to its end.
    ///
    /// # Errors
    /// If the lab cannot be read or built, the device is not known, or the terminal fails.
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        if self.on_socket {
            return serve::on_standard_input().await.map_err(|error| {
                let what = "standard input is not a socket to serve a console on";
                Exit::Usage.because(format!("{what}: {error}"))
            });
        }
        if let Some(path) = self.attach.socket() {
            return self.attach.run(path).await;
        }
        let lab = self.lab()?;
        let name = self.device_name(&lab).map_err(|reason| Exit::Usage.because(reason))?;
        let (driver, options) = self.options(&lab);
        if let Some(path) = self.serve.socket() {
            return self.serve.run(path, &lab, &name, driver, options.client).await;
        }
        let driver = wiring::console_driver(driver, options)?;
        let ended = match driver.console(&lab, &name, &name).await {
            Ok((device, testbed)) => {
                let ending = console::run(device).await;
                testbed.close().await;
                ending
                    .map_err(|error| Exit::Internal.because(format!("the console broke: {error}")))
            }
            Err(error) => Err(error.into()),
        };
        settle(&*driver).await;
        Ok(ended?.into())
    }

    fn options(&self, lab: &Lab) -> (DriverName, LabOptions) {
        let needed = required_driver(lab).map(|(driver, _)| driver);
        let driver = self.driver.or(needed).unwrap_or(DriverName::default_for(self.client));
        let node_image = self.node_image.clone();
        let options = LabOptions { client: self.client, node_image, ..LabOptions::default() };
        (driver, options)
    }

    fn lab(&self) -> Result<Lab, Vec<Diagnostic>> {
        match &self.lab {
            Some(path) => Lab::load(path),
            None => Lab::parse(&Source::new("the built-in lab", DEFAULT_LAB.to_owned())),
        }
    }

    /// The name of the given device, or of the only one; the error says what to type.
    fn device_name(&self, lab: &Lab) -> Result<String, String> {
        let mut names = lab.devices.keys();
        match (&self.device, names.next(), names.next()) {
            (Some(name), ..) if lab.devices.contains_key(name) => Ok(name.clone()),
            (Some(name), ..) => {
                let known = known_devices(lab);
                Err(format!("the lab has no device `{name}` (known devices: {known})"))
            }
            (None, Some(only), None) => Ok(only.clone()),
            (None, ..) => {
                let known = known_devices(lab);
                Err(format!("which device? `--device` takes one of: {known}"))
            }
        }
    }
}

impl From<Ending> for Exit {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Left => Self::Success,
            Ending::Interrupted => Self::Interrupted,
        }
    }
}

fn known_devices(lab: &Lab) -> String {
    match lab.devices.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>() {
        names if names.is_empty() => "none".to_owned(),
        names => names.join(", "),
    }
}

/// Options for a session with a served device.
#[derive(Clone, Debug, Default, Args)]
struct Attaching {
    /// Open a session with the device that is served at this socket
    #[arg(long, value_name = "SOCKET")]
    attach: Option<PathBuf>,
    /// Run this command, or several, one per line, until one is refused, then end
    #[arg(
        short,
        value_name = "COMMAND",
        requires = "attach",
        conflicts_with = "serve",
        allow_hyphen_values = true
    )]
    command: Option<String>,
}

impl Attaching {
    /// The socket of `--attach`.
    fn socket(&self) -> Option<&Path> {
        self.attach.as_deref()
    }

    /// Runs a session with the device at this socket.
    ///
    /// # Errors
    /// If the device cannot be reached, or ends the session.
    async fn run(&self, path: &Path) -> Result<Exit, CommandError> {
        let device = RemoteConsole::attach(connect(path).await?).await;
        let device = device.map_err(|error| {
            Exit::Lab.because(format!("the device accepts no session: {error}"))
        })?;
        let ended = match &self.command {
            Some(commands) => console::run_commands(&device, commands).await.map(exit),
            None => console::run(device).await.map(Exit::from),
        };
        ended.map_err(|error| Exit::Lab.because(format!("the session has ended: {error}")))
    }
}

fn exit(result: CommandsResult) -> Exit {
    match result {
        CommandsResult::Done => Exit::Success,
        CommandsResult::Refused => Exit::Failed,
        CommandsResult::Interrupted => Exit::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dut(device: Option<&str>) -> Dut {
        Dut { device: device.map(str::to_owned), ..Dut::default() }
    }

    #[test]
    fn built_in_lab_is_valid_and_has_one_device() {
        let lab = dut(None).lab().unwrap();
        assert_eq!(dut(None).device_name(&lab).unwrap(), "DUT0");
    }

    #[test]
    fn lab_with_a_program_selects_netns_unless_a_driver_is_given() {
        let runs = "hosts: {a: {addresses: [10.0.0.1/24], runs: {program: x, ready: {port: 1}}}}";
        let lab = Lab::parse(&Source::new("lab", runs.to_owned())).unwrap();
        assert_eq!(dut(None).options(&lab).0, DriverName::Netns);
        assert_eq!(dut(None).options(&Lab::default()).0, DriverName::Virtual);
        let given = Dut { driver: Some(DriverName::Virtual), ..dut(None) };
        assert_eq!(given.options(&lab).0, DriverName::Virtual);
    }

    #[test]
    fn one_of_several_devices_must_be_named() {
        let mut lab = dut(None).lab().unwrap();
        lab.devices.insert("DUT1".to_owned(), lab.devices["DUT0"].clone());
        let error = dut(None).device_name(&lab).unwrap_err();
        assert_eq!(error, "which device? `--device` takes one of: `DUT0`, `DUT1`");
    }

    #[test]
    fn unknown_device_is_rejected_with_the_known_ones() {
        let dut = dut(Some("DUT9"));
        let error = dut.device_name(&dut.lab().unwrap()).unwrap_err();
        assert_eq!(error, "the lab has no device `DUT9` (known devices: `DUT0`)");
    }
}
