//! Labs of containers: runs of the binary, and the Docker engine.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod groups;
    pub(crate) mod http;
    pub(crate) mod needs;
    pub(crate) mod sceplab;
    pub(crate) mod secret_forms;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod docker {
    pub(crate) mod broken; // containers and engines that end midway
    pub(crate) mod cleanup; // a lab leaves nothing behind, however it ends
    pub(crate) mod engine; // a Docker engine, and the leftovers of runs on it
    pub(crate) mod fixture; // the mock CA as a container, by `mock_ca::container`
    pub(crate) mod foreign; // images of other projects as PKIs, good and bad
    mod image; // images of programs of this machine
    pub(crate) mod isolated; // a lab is cut off from the outside
    pub(crate) mod lab; // the documented scenarios, and parallel runs
    mod proxy; // a connection to the engine that can be cut
    pub(crate) mod scenario; // a scenario in containers
    pub(crate) mod secrets; // passwords that programs show
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let engine = docker::scenario::engine();
    let needs = &[&engine];
    let all = [
        docker::broken::trials(needs),
        docker::engine::clean::trials(needs),
        docker::engine::engines::trials(),
        docker::engine::networks::trials(needs),
        docker::engine::node_image::trials(needs),
        docker::engine::reaper::trials(needs),
        docker::fixture::trials(needs),
        docker::foreign::trials(needs),
        docker::cleanup::trials(needs),
        docker::isolated::trials(needs),
        docker::lab::trials(needs),
        docker::secrets::trials(needs),
    ];
    support::trials::run(all.into_iter().flatten().collect())
}

/// Only Linux has labs of containers.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
