//! A device on the kernel's network, with a neighbour. Each trial has its own two network namespaces.
#![expect(clippy::unwrap_used, reason = "a broken test has to stop")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[path = "kernel_network/pair.rs"]
mod pair;
#[cfg(target_os = "linux")]
#[path = "kernel_network/trials.rs"]
mod trials;

#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "other test programs need the rest")]
#[path = "../../tests/support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod groups;
    pub(crate) mod trials;
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    support::trials::run(trials::all())
}

/// Only Linux has namespaces.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
