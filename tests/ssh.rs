//! Devices over SSH: the login shells of real OpenSSH servers are devices, good and bad.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod asynchronous;
    pub(crate) mod echo_server;
    pub(crate) mod groups;
    pub(crate) mod rig;
    pub(crate) mod sceplab;
    pub(crate) mod secret_forms;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod ssh {
    pub(crate) mod configuration; // replacing, refusing and restoring the configuration
    pub(crate) mod connection_loss; // connections that break, devices that restart
    mod device; // a device of a test, and connecting to it
    pub(crate) mod dut; // `sceplab dut` as the login shell
    pub(crate) mod login; // host keys, keys, passwords
    pub(crate) mod misbehaving; // noise, slow lines, floods, silence
    pub(crate) mod outputs; // outputs of devices
    pub(crate) mod over_ssh; // runs of scenarios
    pub(crate) mod secrets; // a device that prints passwords
    mod sshd; // the SSH server
    pub(crate) mod system_ssh; // the program `ssh`, its configuration and its secrets
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use support::rig;
    let need = rig::need();
    let needs = &[&need];
    let with_servers = [
        rig::self_test::trials(needs),
        ssh::configuration::trials(needs),
        ssh::connection_loss::trials(needs),
        ssh::login::trials(needs),
        ssh::dut::trials(needs),
        ssh::misbehaving::trials(needs),
        ssh::outputs::trials(needs),
        ssh::over_ssh::trials(needs),
        ssh::secrets::trials(needs),
        ssh::system_ssh::trials(needs),
    ];
    let with_servers = with_servers.into_iter().flatten();
    let trials = with_servers.map(|trial| trial.within(rig::in_own_network));
    support::trials::run(trials.chain(ssh::system_ssh::without_servers()).collect())
}

/// Only Linux has the rig's namespaces.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
