//! A device with SSH login: a real OpenSSH server. Its login shell is a session with the simulated device.
//!
//! [`Rig::start`] builds everything in namespaces: the device with a management interface, the hosts of the documented
//! labs with their PKIs, and a host `office` that reaches the device and the PKIs. [`Rig::light`] has the server on the
//! loopback of the trial's own network, and the device in its virtual lab. [`Rig::scripted`] has a script in place of the
//! device. The machine's files and network stay unchanged. Everything ends with the rig or with the test program,
//! even if that is killed.
#![cfg(target_os = "linux")]

pub(crate) mod files; // files that the SSH server and the CAs read
mod namespaces; // namespaces, and commands in them
mod network; // a network for each trial
mod relay; // loopback ports of other hosts, reachable from the office
pub(crate) mod self_test; // trials of the rig itself
mod sshd; // the SSH server
pub(crate) mod topology; // the hosts and their links

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use self::files::USER;
use self::namespaces::Namespaces;
pub(crate) use self::network::in_own_network;
use self::relay::Relay;
use super::sceplab::{self, Running};
use super::trials::Need;

/// Never shows a prompt.
pub(crate) const SILENT: &str = include_str!("rig/shells/silent.sh");
/// Sends control characters before and after the device's own console.
pub(crate) const GARBAGE: &str = include_str!("rig/shells/garbage.sh");
/// Answers every line with 10 MB.
pub(crate) const FLOOD: &str = include_str!("rig/shells/flood.sh");
/// The device's own console at some hundred characters per second.
pub(crate) const SLOW: &str = include_str!("rig/shells/slow.sh");
/// Ends the session after the first line.
pub(crate) const DROPS: &str = include_str!("rig/shells/drops.sh");

/// Path of the rig's folder within the namespaces.
pub(crate) const INSIDE: &str = "/run/rig";

/// A device, its SSH server and its PKIs.
pub(crate) struct Rig {
    // Dropped in this order: the namespaces end all processes that are left in them.
    sshd: Option<Running>,
    device: Option<Running>,
    pkis: Vec<Running>,
    _controls: Vec<Relay>,
    namespaces: Namespaces,
    folder: TempDir,
    place: Place,
    /// Further lines of `sshd_config(5)`, before the rig's own.
    settings: String,
}

/// Address of the SSH server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The device's own address, reachable from the office.
    Topology,
    /// A port on the loopback of the trial's own network, where every port is free.
    Loopback(u16),
}

/// The rig's need of a machine.
pub(crate) fn need() -> Need {
    Need::new("ssh", namespaces::missing())
}

impl Rig {
    /// The device on the kernel's network, the PKIs of the documented labs, and an office that reaches them all.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with further arguments for `dut --serve`.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut rig = Self::prepare(Place::Topology, files::USER_ID, "");
        rig.fresh_pkis();
        rig.start_device(arguments);
        rig.start_sshd();
        rig
    }

    /// The device in its virtual lab, with its SSH server on the loopback of the trial's own network.
    #[track_caller]
    pub(crate) fn light() -> Self {
        let mut rig = Self::prepare(Place::loopback(), files::USER_ID, "");
        rig.start_device(&[]);
        rig.start_sshd();
        rig
    }

    /// A script in place of the device, run as root; `settings` are further lines of `sshd_config(5)`.
    #[track_caller]
    pub(crate) fn scripted(script: &str, settings: &str) -> Self {
        let mut rig = Self::prepare(Place::loopback(), 0, settings);
        rig.device_shell(script);
        rig.start_sshd();
        rig
    }

    /// Makes the folder and the namespaces; `user` is the number of the user who logs in.
    #[track_caller]
    fn prepare(place: Place, user: u32, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        files::write(folder.path(), place.host_in_known_hosts().as_str(), user);
        let (private_network, hosts) = match place {
            Place::Topology => (true, topology::script()),
            Place::Loopback(_) => (false, String::new()),
        };
        let namespaces = Namespaces::new(folder.path(), private_network, &hosts);
        let controls = if private_network { topology::controls(&namespaces) } else { Vec::new() };
        let rig = Self {
            sshd: None,
            device: None,
            pkis: Vec::new(),
            _controls: controls,
            namespaces,
            folder,
            place,
            settings: settings.to_owned(),
        };
        rig.device_shell("exec \"$SCEPLAB\" dut --attach \"$SOCKET\" \"$@\"\n");
        rig
    }

    /// A command that reaches the device and the PKIs: `sceplab` is the binary, any other name a program.
    pub(crate) fn command(&self, program: &str) -> Command {
        let binary = env!("CARGO_BIN_EXE_sceplab");
        let program = if program == "sceplab" { binary } else { program };
        let mut command = match self.place {
            Place::Loopback(_) => Command::new(program),
            Place::Topology => self.namespaces.in_network("office", program),
        };
        sceplab::without_environment(&mut command);
        command
    }

    /// `ssh` to the device, with the rig's key unless the options name another; a command may follow.
    pub(crate) fn ssh(&self, options: &[&str]) -> Command {
        let mut command = self.command("ssh");
        command
            .args(options)
            .args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
            .args(["-o", "LogLevel=ERROR"])
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", self.known_hosts().display()))
            .arg("-i")
            .arg(self.identity())
            .args(["-p", &self.port().to_string()])
            .arg(format!("{USER}@{}", self.host()));
        command
    }

    /// The address of the SSH server.
    pub(crate) fn host(&self) -> &'static str {
        match self.place {
            Place::Topology => topology::MANAGEMENT,
            Place::Loopback(_) => "127.0.0.1",
        }
    }

    /// The port of the SSH server.
    pub(crate) fn port(&self) -> u16 {
        match self.place {
            Place::Topology => 22,
            Place::Loopback(port) => port,
        }
    }

    /// Path of the `known_hosts` file with the SSH server's key.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.file("known_hosts")
    }

    /// Path of the private key of [`USER`].
    pub(crate) fn identity(&self) -> PathBuf {
        self.file("identity")
    }

    /// Path of a file with the password of [`USER`], which is [`PASSWORD`].
    pub(crate) fn password_file(&self) -> PathBuf {
        self.file("password")
    }

    /// Path of a file with the password of [`ADMIN`] for the `mscep_admin` page, which is [`ADMIN_PASSWORD`].
    pub(crate) fn admin_password_file(&self) -> PathBuf {
        self.file("admin_password")
    }

    /// Path of the rig's folder, which is removed with the rig.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the login shell; `$SCEPLAB dut --attach $SOCKET "$@"` is a session with the device itself.
    pub(crate) fn device_shell(&self, script: &str) {
        // A program that starts `$SHELL`, as `script` does, must not get this shell again.
        let variables = format!("SHELL=/bin/sh SCEPLAB={INSIDE}/sceplab SOCKET={INSIDE}/dut.sock");
        let script = format!("#!/bin/sh\nexport {variables}\n{script}");
        // Written under another name first, because a script that is being written cannot be run.
        let (new, path) = (self.file("login.new"), self.file("login"));
        fs::write(&new, script).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// Replaces the PKIs by new ones, which have issued nothing.
    pub(crate) fn fresh_pkis(&mut self) {
        self.fresh_linux_pki(&[]);
    }

    /// The same, with further arguments for the Linux PKI.
    pub(crate) fn fresh_linux_pki(&mut self, arguments: &[&str]) {
        self.pkis.clear();
        if self.place == Place::Topology {
            // `nsenter` ends before the PKIs do, and their ports are free only after that.
            sceplab::wait_until("the PKIs have ended", || {
                !topology::are_pkis_there(&self.namespaces)
            });
            self.pkis = topology::pkis(&self.namespaces, arguments);
        }
    }

    /// Gives the SSH server another host key, which is not in `known_hosts`.
    pub(crate) fn change_host_key(&mut self) {
        self.stop_sshd();
        files::new_host_key(self.folder.path());
        self.start_sshd();
    }

    /// Stops the SSH server and all its sessions.
    pub(crate) fn stop_sshd(&mut self) {
        self.sshd = None;
        // `nsenter` ends before the server does.
        let network = self.device_network();
        sceplab::wait_until("the SSH server has ended", || {
            !network::is_listened_at(&self.namespaces, network, self.port())
        });
    }

    pub(crate) fn start_sshd(&mut self) {
        let network = self.device_network();
        let address = format!("{}:{}", self.host(), self.port());
        let (settings, folder) = (&self.settings, self.folder.path());
        self.sshd = Some(sshd::start(&self.namespaces, network, &address, settings, folder));
    }

    /// Runs commands on the device in one session without SSH, and returns their output.
    #[track_caller]
    pub(crate) fn on_device(&self, commands: &str) -> sceplab::Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
        command.args(["dut", "--attach"]).arg(self.file("dut.sock")).args(["-c", commands]);
        sceplab::without_environment(&mut command);
        sceplab::finish(command)
    }

    /// A program in the network of the host that is next to the device.
    pub(crate) fn on_gateway(&self, program: &str) -> Command {
        self.namespaces.in_network("gateway", program)
    }

    /// Ends the device, and returns its outputs. SIGINT would not do: a shell in the background ignores it for what it starts.
    #[track_caller]
    pub(crate) fn end_device(&mut self) -> (String, String) {
        let mut device = self.device.take().unwrap();
        device.signal("TERM");
        device.wait();
        (device.rest_of_stdout(), device.rest_of_stderr())
    }

    /// Suspends the device and its sessions, so that nothing answers any more; they end with the rig.
    pub(crate) fn freeze_device(&self) {
        self.namespaces.freeze("dut");
    }

    fn start_device(&mut self, arguments: &[&str]) {
        let socket = format!("{INSIDE}/dut.sock");
        let lab = format!("{INSIDE}/lab.yaml");
        let mut all = vec!["dut", "--serve", &socket, "--mode", "660", "--lab", &lab];
        if self.place == Place::Topology {
            all.extend(["--interface", "eth0"]);
        }
        all.extend(arguments);
        let network = self.device_network();
        let program = format!("{INSIDE}/sceplab");
        self.device = Some(Running::start(self.namespaces.command(network, &program, &all)));
        let socket = self.file("dut.sock");
        sceplab::wait_until("the device is served", || UnixStream::connect(&socket).is_ok());
        chown(socket, None, Some(files::USER_ID)).unwrap();
    }

    fn device_network(&self) -> Option<&'static str> {
        (self.place == Place::Topology).then_some("dut")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Place {
    /// A port that no other trial uses at the same time, because a run locks a device by its address.
    fn loopback() -> Self {
        static RIGS: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id().wrapping_mul(4) + RIGS.fetch_add(1, Ordering::Relaxed);
        Self::Loopback(u16::try_from(1024 + number % 60_000).unwrap())
    }

    fn host_in_known_hosts(self) -> String {
        match self {
            Self::Topology => topology::MANAGEMENT.to_owned(),
            Self::Loopback(port) => format!("[127.0.0.1]:{port}"),
        }
    }
}
