//! OpenSSH's server, with settings, keys and users of its own.

use super::room::Room;
use crate::suite::sceplab::Running;

/// Everything that Debian's own settings would say otherwise.
const OPTIONS: [&str; 14] = [
    "HostKey=/run/rig/host_key",
    "AuthorizedKeysFile=/run/rig/authorized_keys",
    "PidFile=none",
    "StrictModes=no",
    "UsePAM=no",
    "PasswordAuthentication=yes",
    "KbdInteractiveAuthentication=no",
    "PrintMotd=no",
    "PrintLastLog=no",
    "UseDNS=no",
    "X11Forwarding=no",
    "MaxStartups=100",
    "AllowUsers=admin",
    "LogLevel=VERBOSE",
];

/// Starts a server that listens at `address`, and waits until it does; its sessions end with it.
#[track_caller]
pub(super) fn start(room: &Room, network: Option<&str>, address: &str) -> Running {
    let listen = format!("ListenAddress={address}");
    let mut arguments = vec!["-D", "-e", "-f", "/dev/null", "-o", &listen];
    for option in &OPTIONS {
        arguments.extend(["-o", option]);
    }
    let mut server = Running::start(room.command(network, "/usr/sbin/sshd", &arguments));
    server.stderr_line(|line| line.contains("Server listening on").then_some(()));
    server
}
