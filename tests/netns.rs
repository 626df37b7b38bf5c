//! Labs on the kernel's network, by the binary.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "a test program"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "support"]
mod support {
    pub(crate) mod groups;
    pub(crate) mod matrix_samples;
    pub(crate) mod needs;
    pub(crate) mod sceplab;
    pub(crate) mod snapshots;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
mod netns {
    pub(crate) mod captures; // files that Wireshark opens
    pub(crate) mod gone; // nothing is left of a lab, however it ends
    mod lab; // a lab that stands, found and watched
    pub(crate) mod matrix; // clients x PKIs that are not installed
    pub(crate) mod needed; // what is a reason to ignore a trial
    pub(crate) mod permission; // what is said where namespaces are forbidden
    pub(crate) mod refused; // labs that the kernel does not take
    pub(crate) mod servers; // server programs, good and bad
    pub(crate) mod shell; // a look around
    pub(crate) mod speech; // what is said to a PKI there, and what it tells
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let netns = support::needs::netns();
    let needs = &[&netns];
    support::trials::run(
        [
            netns::captures::trials(needs),
            netns::gone::trials(needs),
            netns::matrix::trials(needs),
            netns::needed::trials(),
            netns::permission::trials(needs),
            netns::refused::trials(needs),
            netns::servers::trials(needs),
            netns::shell::trials(needs),
            netns::speech::trials(needs),
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
