//! Labs on the kernel's network: runs of the binary.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod der;
    pub(crate) mod echo_server;
    pub(crate) mod groups;
    pub(crate) mod matrix_samples;
    pub(crate) mod needs;
    pub(crate) mod sceplab;
    pub(crate) mod secret_forms;
    pub(crate) mod snapshots;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod netns {
    pub(crate) mod captures; // files that Wireshark opens
    pub(crate) mod cleanup; // a lab leaves nothing behind, however it ends
    pub(crate) mod ignored_trials; // errors of the driver that ignore a trial
    pub(crate) mod inspected; // `sceplab inspect` at a real server
    mod lab; // a run with its lab
    pub(crate) mod matrix; // `sceplab matrix` with missing clients and servers
    pub(crate) mod orders; // steps that move the clock, and stop and switch parts of a lab
    pub(crate) mod peers; // conversations of other projects, captured and explained
    pub(crate) mod permission; // messages if namespaces are forbidden
    pub(crate) mod refused; // labs that the kernel refuses
    pub(crate) mod scep_steps; // steps with a mock CA in a lab
    pub(crate) mod scepserver; // the personality `linux` against its model
    pub(crate) mod secrets; // passwords that programs and PKIs show
    pub(crate) mod servers; // server programs, good and bad
    pub(crate) mod shell; // `sceplab shell`
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    support::echo_server::be_the_server_if_asked();
    let netns = support::needs::netns();
    let needs = &[&netns];
    support::trials::run(
        [
            netns::captures::trials(needs),
            netns::cleanup::trials(needs),
            netns::matrix::trials(needs),
            netns::orders::trials(needs),
            netns::ignored_trials::trials(),
            netns::inspected::trials(needs),
            netns::peers::trials(needs),
            netns::permission::trials(needs),
            netns::refused::trials(needs),
            netns::scepserver::trials(needs),
            netns::secrets::trials(needs),
            netns::servers::trials(needs),
            netns::shell::trials(needs),
            netns::scep_steps::trials(needs),
        ]
        .into_iter()
        .flatten()
        .collect(),
    )
}

/// Only Linux has namespaces.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
