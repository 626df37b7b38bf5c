//! Labs of containers, by the binary, and the engine that has them.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod groups;
    pub(crate) mod needs;
    pub(crate) mod sceplab;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod docker {
    pub(crate) mod broken; // containers and engines that end midway
    pub(crate) mod engine; // an engine and what runs leave on it: found, asked, cleaned
    pub(crate) mod fixture; // the mock CA as a container, by `mock_ca::container`
    pub(crate) mod foreign; // images of others as PKIs, good and bad
    pub(crate) mod gone; // nothing is left of a lab, however it ends
    mod image; // an image of what this machine has
    pub(crate) mod isolated; // nobody in a lab reaches anybody outside
    pub(crate) mod lab; // the documented scenarios, and runs beside each other
    mod proxy; // a way to the engine that can be cut
    pub(crate) mod scenario; // a scenario in containers
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
        docker::gone::trials(needs),
        docker::isolated::trials(needs),
        docker::lab::trials(needs),
    ];
    support::trials::run(all.into_iter().flatten().collect())
}

/// The labs of containers are Linux's.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
