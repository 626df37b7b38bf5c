//! Long-running devices, logged into through a real SSH server. The suite tests their socket.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod echo_server;
    pub(crate) mod groups;
    pub(crate) mod rig;
    pub(crate) mod sceplab;
    pub(crate) mod secret_forms;
    pub(crate) mod served;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod served_devices {
    pub(crate) mod documented; // the documented scenarios, typed line by line over SSH
    pub(crate) mod interfaces; // a device may not have the machine's own interfaces
    pub(crate) mod secrets; // passwords that a PKI sends back
    pub(crate) mod shells; // devices that misbehave
    pub(crate) mod ssh; // sessions over SSH: terminals, single commands, restarts
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use support::rig;
    support::echo_server::be_the_server_if_asked();
    let need = rig::need();
    let needs = &[&need];
    let by_ssh = [
        served_devices::documented::trials(needs),
        served_devices::secrets::trials(needs),
        served_devices::shells::trials(needs),
        served_devices::ssh::trials(needs),
    ];
    let by_ssh = by_ssh.into_iter().flatten().map(|trial| trial.within(rig::in_own_network));
    support::trials::run(by_ssh.chain(served_devices::interfaces::trials()).collect())
}

/// Only Linux has served devices, and the namespaces of the rig.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
