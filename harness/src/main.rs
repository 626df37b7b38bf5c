//! The binary `sceplab`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // `ssh` runs this program again to ask for a password.
    harness::drivers::ssh_device::answer_ssh().unwrap_or_else(harness::cli::main)
}
