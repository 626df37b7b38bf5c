//! OpenSSH's server, with the rig's settings, keys and users.

use std::fs;
use std::path::Path;

use super::INSIDE;
use super::namespaces::Namespaces;
use crate::support::sceplab::Running;

/// Options that differ from Debian's settings.
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

/// Starts a server and waits until it listens at `address`; its sessions end with it.
///
/// `settings` come before the rig's own, because the first value of an option counts.
#[track_caller]
pub(super) fn start(
    namespaces: &Namespaces,
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
    let mut server = Running::start(namespaces.command(network, "/usr/sbin/sshd", &arguments));
    server.stderr_line(|line| line.contains("Server listening on").then_some(()));
    server
}
