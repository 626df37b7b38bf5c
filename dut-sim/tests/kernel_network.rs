//! A device on the kernel's network, with a neighbour: each trial in two network namespaces of its own.
#![expect(clippy::unwrap_used, reason = "a broken test has to stop")]

#[cfg(target_os = "linux")]
#[path = "kernel_network/pair.rs"]
mod pair;
#[cfg(target_os = "linux")]
#[path = "kernel_network/trials.rs"]
mod trials;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    #[cfg(target_os = "linux")]
    let trials = trials::all();
    #[cfg(not(target_os = "linux"))]
    let trials = Vec::new();
    libtest_mimic::run(&arguments, trials).exit();
}
