//! OpenSSH's server, with settings, keys and users of its own.

use std::fs;
use std::path::Path;

use super::INSIDE;
use super::room::Room;
use crate::support::sceplab::Running;

/// Everything that Debian's own settings would say otherwise.
const OPTIONS: [&str; 15] = [
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
    "PermitRootLogin=yes",
];

/// Starts a server that listens at `address`, and waits until it does; its sessions end with it.
///
/// `settings` come before the rig's own: the first value of an option is the one that counts.
#[track_caller]
pub(super) fn start(
    room: &Room,
    network: Option<&str>,
    address: &str,
    settings: &str,
    folder: &Path,
) -> Running {
    let options = OPTIONS.map(|option| option.replacen('=', " ", 1)).join("\n");
    let text = format!("{settings}\nListenAddress {address}\n{options}\n");
    fs::write(folder.join("sshd_config"), text).unwrap();
    let config = format!("{INSIDE}/sshd_config");
    let arguments = ["-D", "-e", "-f", &config];
    let mut server = Running::start(room.command(network, "/usr/sbin/sshd", &arguments));
    server.stderr_line(|line| line.contains("Server listening on").then_some(()));
    server
}
