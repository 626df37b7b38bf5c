//! `sceplab dut --serve`: a device that keeps running while users come and go; and `--on-socket`, a device of a lab of
//! namespaces as a separate process.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use dut_sim::Device;

use super::sessions::Sessions;
use super::socket::{Mode, Served};
use crate::exit::{CommandError, Exit};
use crate::output::warn;
use crate::stop::StopSignals;
use crate::wiring::in_the_virtual_lab;
use model::lab::Lab;
use testbed::{Client, DriverName, Testbed, TestbedError};

/// Pause after an error of `accept`, such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Options for serving a device.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Serving {
    /// Serve the device at this socket until Ctrl-C or SIGTERM, for `--attach`
    #[arg(long, value_name = "SOCKET", conflicts_with_all = ["attach", "on_socket"])]
    serve: Option<PathBuf>,
    /// The permissions of the socket
    #[arg(long, value_enum, value_name = "MODE", default_value_t, requires = "serve")]
    mode: Mode,
    /// Give the device this real interface of the current network namespace, such as eth0, instead of one in a lab: a
    /// commit changes its addresses and routes. May be given several times; needs `CAP_NET_ADMIN`
    #[arg(long, value_name = "NAME", requires = "serve", conflicts_with = "driver")]
    interface: Vec<String>,
    /// Allow an interface of the machine's own network
    #[arg(long, requires = "interface")]
    this_machine: bool,
    /// Restart once, in the middle of the commit with this number
    #[arg(long, hide = true, value_name = "NUMBER", requires = "serve")]
    restart_in_commit: Option<u64>,
}

impl Serving {
    /// The socket of `--serve`.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.serve.as_deref()
    }

    /// Serves the device `name` at a socket until the process is stopped.
    ///
    /// # Errors
    /// If the device cannot be built, or the socket cannot be made.
    pub(super) async fn run(
        &self,
        path: &Path,
        lab: &Lab,
        name: &str,
        driver: DriverName,
        client: Client,
    ) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        let (device, testbed) = self.device(lab, name, driver, client).await?;
        let socket = Served::at(path, self.mode)?;
        let path = path.display();
        warn(&format!("device {name} is served; `sceplab dut --attach {path}` opens a session"));
        let served = tokio::select! {
            error = accept_sessions(&socket, &device) => {
                Err(Exit::Lab.because(format!("no further session can be accepted: {error}")))
            }
            () = stop.received(1) => Ok(Exit::Success),
        };
        drop(socket);
        device.switch_off().await;
        testbed.close().await;
        served
    }

    async fn device(
        &self,
        lab: &Lab,
        name: &str,
        driver: DriverName,
        client: Client,
    ) -> Result<(Arc<Device>, Testbed), CommandError> {
        if !self.interface.is_empty() {
            return self.on_interfaces(lab, name, client);
        }
        if client == Client::Builtin && driver != DriverName::Virtual {
            let what = "`dut --serve`".to_owned();
            return Err(TestbedError::NotSupported { driver, what }.into());
        }
        Ok(in_the_virtual_lab(lab, name, client, self.restart_in_commit).await?)
    }

    #[cfg(target_os = "linux")]
    fn on_interfaces(
        &self,
        lab: &Lab,
        name: &str,
        client: Client,
    ) -> Result<(Arc<Device>, Testbed), CommandError> {
        use simulated::kernel::start_device_with_interfaces;

        for interface in &self.interface {
            own_network::permit(interface, self.this_machine)
                .map_err(|reason| Exit::Lab.because(reason))?;
        }
        let restart = self.restart_in_commit;
        let interfaces = &self.interface;
        let device = start_device_with_interfaces(lab, name, client, interfaces, restart)?;
        Ok((device, Testbed::default()))
    }

    #[cfg(not(target_os = "linux"))]
    fn on_interfaces(
        &self,
        _: &Lab,
        _: &str,
        _: Client,
    ) -> Result<(Arc<Device>, Testbed), CommandError> {
        Err(Exit::Lab.because("this operating system is not supported"))
    }
}

/// Accepts sessions.
async fn accept_sessions(socket: &Served, device: &Arc<Device>) -> io::Error {
    let mut sessions = Sessions::new();
    loop {
        match socket.listener.accept().await {
            Ok((stream, _)) => sessions.begin(stream, Arc::clone(device)).await,
            // Too many open files, for example: sessions that end make room.
            Err(error) if error.raw_os_error().is_some() => {
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
            Err(error) => return error,
        }
    }
}

/// Serves the console on the listening socket that standard input is, until the lab ends the process.
#[cfg(target_os = "linux")]
pub(super) async fn on_standard_input() -> io::Result<Exit> {
    use std::os::fd::AsFd;
    use std::os::unix::net;
    use std::sync::Arc;

    use diagnostics::bugs;
    use dut_sim::remote::Devices;
    use nix::sys::socket::{getsockopt, sockopt};
    use simulated::kernel::start_device;
    use testbed::injection::panic_if_asked;
    use tokio::net::UnixListener;
    use tokio::signal::unix::{SignalKind, signal};

    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    if !getsockopt(&stdin, sockopt::AcceptConn)? {
        return Err(io::Error::other("the socket does not listen"));
    }
    let listener = net::UnixListener::from(stdin);
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    // Ctrl-C is handled by the lab, which then ends its devices.
    let _ignored = signal(SignalKind::interrupt());
    let devices = Arc::new(Devices::new(|settings| {
        panic_if_asked("device");
        start_device(settings, None)
    }));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The lab says so to the run, which ends.
            _ = bugs::first() => return Ok(Exit::Internal),
        };
        match accepted {
            Ok((stream, _)) => {
                let devices = Arc::clone(&devices);
                tokio::spawn(async move { devices.serve(stream).await });
            }
            // As in `accept_sessions`: too few files end no device.
            Err(error) if error.raw_os_error().is_some() => {
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "the variant for Linux waits")]
pub(super) async fn on_standard_input() -> io::Result<Exit> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Checks before a device gets an interface.
#[cfg(target_os = "linux")]
mod own_network {
    use std::fs;

    use nix::net::if_::if_nametoindex;

    /// The bit of `CAP_NET_ADMIN` in capabilities(7).
    const NET_ADMIN: u32 = 12;

    /// Checks that the device may have this interface; the error says why not.
    pub(super) fn permit(name: &str, this_machine: bool) -> Result<(), String> {
        let number = name.strip_prefix("eth").unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!(
                "`{name}` is not a name of a device's interface; the names are eth0, eth1 and so on"
            ));
        }
        if if_nametoindex(name).is_err() {
            return Err(format!("there is no interface `{name}` in this network namespace"));
        }
        if !this_machine && is_the_machines() {
            return Err(format!(
                "`{name}` is an interface of the machine itself, whose addresses and routes the device would replace; \
                 start it in a network namespace of its own (`ip netns exec NAME sceplab dut ...`), \
                 or add `--this-machine` if you want that"
            ));
        }
        if may_change_addresses() {
            return Ok(());
        }
        Err("the device cannot change addresses here: the process lacks CAP_NET_ADMIN, which root has in a network \
             namespace"
            .to_owned())
    }

    /// True if this is the network of the first process or of the kernel, or if that cannot be read.
    fn is_the_machines() -> bool {
        let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
        let mut known = ["1", "2"].into_iter().filter_map(network).peekable();
        known.peek().is_none() || known.any(|known| Some(known) == network("self"))
    }

    fn may_change_addresses() -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let effective = effective.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
        effective.is_none_or(|effective| effective >> NET_ADMIN & 1 == 1)
    }
}
