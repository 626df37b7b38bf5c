//! A device that is logged into over SSH: a real OpenSSH server, whose login shell is a session with the simulated device.
//!
//! [`Rig::start`] builds all of it in namespaces: the device with an interface for those who manage it, the hosts of the
//! documented labs with their PKIs, and an office from which the device and the PKIs are reached. [`Rig::light`] has the
//! server on the loopback of the trial's own network and the device in its virtual lab, [`Rig::scripted`] has a script in
//! the device's place. The machine's own files and network are left as they are, and everything ends with the rig, or
//! with the test program, however that ends.
#![cfg(target_os = "linux")]

pub(crate) mod files; // what the SSH server and the CAs read
mod network; // of each trial's own
pub(crate) mod own; // trials of the rig itself
mod relay; // what an office reaches of other hosts' loopback
mod room; // namespaces, and what lives in them
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
pub(crate) use self::network::in_own_network;
use self::relay::Relay;
use self::room::Room;
use super::sceplab::{self, Running};
use super::trials::Need;

/// Logs nobody in: the prompt is never seen.
pub(crate) const SILENT: &str = include_str!("rig/shells/silent.sh");
/// Sends control characters before the device's own console, and with every answer of a single command.
pub(crate) const GARBAGE: &str = include_str!("rig/shells/garbage.sh");
/// Answers every line with 10 MB.
pub(crate) const FLOOD: &str = include_str!("rig/shells/flood.sh");
/// The device's own console at some hundred characters a second.
pub(crate) const SLOW: &str = include_str!("rig/shells/slow.sh");
/// Ends the session after the first line.
pub(crate) const DROPS: &str = include_str!("rig/shells/drops.sh");

/// Where the rig's folder is found by all that lives in the room.
pub(crate) const INSIDE: &str = "/run/rig";

/// Everything that a driver which logs into a device can meet.
pub(crate) struct Rig {
    // Dropped in this order: the room ends whatever else is left in it.
    sshd: Option<Running>,
    device: Option<Running>,
    pkis: Vec<Running>,
    _controls: Vec<Relay>,
    room: Room,
    folder: TempDir,
    place: Place,
    /// Further lines of `sshd_config(5)`, before the rig's own.
    settings: String,
}

/// Where the device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the device's own address, from the office.
    Topology,
    /// At a port of the loopback of the trial's own network, in which every port is free.
    Loopback(u16),
}

/// What the rig needs of this machine.
pub(crate) fn need() -> Need {
    Need::new("ssh", room::missing())
}

impl Rig {
    /// The device on the kernel's network, the PKIs of the documented labs, and an office that reaches all of them.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, its device served with these further arguments.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut rig = Self::furnish(Place::Topology, files::USER_ID, "");
        rig.fresh_pkis();
        rig.start_device(arguments);
        rig.start_sshd();
        rig
    }

    /// The device in its virtual lab, its SSH server on the loopback of the trial's own network.
    #[track_caller]
    pub(crate) fn light() -> Self {
        let mut rig = Self::furnish(Place::loopback(), files::USER_ID, "");
        rig.start_device(&[]);
        rig.start_sshd();
        rig
    }

    /// A script in the device's place, run as root; `settings` are further lines of `sshd_config(5)`.
    #[track_caller]
    pub(crate) fn scripted(script: &str, settings: &str) -> Self {
        let mut rig = Self::furnish(Place::loopback(), 0, settings);
        rig.device_shell(script);
        rig.start_sshd();
        rig
    }

    /// The folder and the room, whose user is of that number.
    #[track_caller]
    fn furnish(place: Place, user: u32, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        files::write(folder.path(), place.host_in_known_hosts().as_str(), user);
        let (private_network, hosts) = match place {
            Place::Topology => (true, topology::script()),
            Place::Loopback(_) => (false, String::new()),
        };
        let room = Room::new(folder.path(), private_network, &hosts);
        let controls = if private_network { topology::controls(&room) } else { Vec::new() };
        let rig = Self {
            sshd: None,
            device: None,
            pkis: Vec::new(),
            _controls: controls,
            room,
            folder,
            place,
            settings: settings.to_owned(),
        };
        rig.device_shell("exec \"$SCEPLAB\" dut --attach \"$SOCKET\" \"$@\"\n");
        rig
    }

    /// A command where the device and the PKIs are reached: `sceplab` is the binary, anything else a program.
    pub(crate) fn command(&self, program: &str) -> Command {
        let binary = env!("CARGO_BIN_EXE_sceplab");
        let program = if program == "sceplab" { binary } else { program };
        let mut command = match self.place {
            Place::Loopback(_) => Command::new(program),
            Place::Topology => self.room.in_network("office", program),
        };
        sceplab::without_surroundings(&mut command);
        command
    }

    /// `ssh` to the device, with the rig's key where the options say no other; a command may follow.
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

    /// The host key of the SSH server, as `ssh` keeps it.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.file("known_hosts")
    }

    /// The key that opens the device to [`USER`].
    pub(crate) fn identity(&self) -> PathBuf {
        self.file("identity")
    }

    /// A file with the password of [`USER`], which is [`PASSWORD`].
    pub(crate) fn password_file(&self) -> PathBuf {
        self.file("password")
    }

    /// A file with the password of [`ADMIN`] on the `mscep_admin` page, which is [`ADMIN_PASSWORD`].
    pub(crate) fn admin_password_file(&self) -> PathBuf {
        self.file("admin_password")
    }

    /// A folder of the rig's, gone with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What is run for whoever logs in, in place of the device: `$SCEPLAB dut --attach $SOCKET "$@"` is the device itself.
    pub(crate) fn device_shell(&self, script: &str) {
        // Whoever asks for a shell, as `script` does, is not to get this one again.
        let variables = format!("SHELL=/bin/sh SCEPLAB={INSIDE}/sceplab SOCKET={INSIDE}/dut.sock");
        let script = format!("#!/bin/sh\nexport {variables}\n{script}");
        // Under another name first: a script that is being written cannot be run.
        let (new, path) = (self.file("login.new"), self.file("login"));
        fs::write(&new, script).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// PKIs that have issued nothing, in place of those there are.
    pub(crate) fn fresh_pkis(&mut self) {
        self.fresh_linux_pki(&[]);
    }

    /// The same, the Linux PKI served with these further arguments.
    pub(crate) fn fresh_linux_pki(&mut self, arguments: &[&str]) {
        self.pkis.clear();
        if self.place == Place::Topology {
            // They end after what holds them, and their ports are free after that.
            sceplab::wait_until("the PKIs have ended", || !topology::are_pkis_there(&self.room));
            self.pkis = topology::pkis(&self.room, arguments);
        }
    }

    /// The SSH server with another host key, which `known_hosts` does not have.
    pub(crate) fn change_host_key(&mut self) {
        self.stop_sshd();
        files::new_host_key(self.folder.path());
        self.start_sshd();
    }

    /// The SSH server stops, and with it all that is logged in.
    pub(crate) fn stop_sshd(&mut self) {
        self.sshd = None;
        // It ends after what holds it.
        let network = self.device_network();
        sceplab::wait_until("the SSH server has ended", || {
            !network::is_listened_at(&self.room, network, self.port())
        });
    }

    pub(crate) fn start_sshd(&mut self) {
        let network = self.device_network();
        let address = format!("{}:{}", self.host(), self.port());
        let (settings, folder) = (&self.settings, self.folder.path());
        self.sshd = Some(sshd::start(&self.room, network, &address, settings, folder));
    }

    /// Runs commands on the device as one session, past SSH; what they print.
    #[track_caller]
    pub(crate) fn on_device(&self, commands: &str) -> sceplab::Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
        command.args(["dut", "--attach"]).arg(self.file("dut.sock")).args(["-c", commands]);
        sceplab::without_surroundings(&mut command);
        sceplab::finish(command)
    }

    /// Stops the device and what is logged in to it, so that nothing answers any more; it ends with the rig.
    pub(crate) fn freeze_device(&self) {
        self.room.freeze("dut");
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
        self.device = Some(Running::start(self.room.command(network, &program, &all)));
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
    /// At a port that no other trial uses at the same time: a run has a device to itself, by its address.
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
