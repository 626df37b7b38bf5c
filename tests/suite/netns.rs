//! Labs on the kernel's network, by the binary.
#![cfg(target_os = "linux")]

mod captures; // files that Wireshark opens
mod gone; // nothing is left of a lab, however it ends
mod lab; // a lab that stands, found and watched
mod permission; // what is said where namespaces are forbidden
mod refused; // labs that the kernel does not take
mod servers; // server programs, good and bad
mod shell; // a look around

use std::path::Path;

use harness::run::{BenchError, Driver, LabOptions};

/// Whether namespaces are permitted here; where they are not, the test says so and has nothing to try.
pub(crate) fn permitted() -> bool {
    match probe() {
        Ok(()) => true,
        Err(error) => {
            skip(&error.to_string());
            false
        }
    }
}

/// Says why a test has nothing to try.
#[expect(clippy::print_stderr, reason = "a test has nowhere else to say this")]
pub(crate) fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

fn probe() -> Result<(), BenchError> {
    let sceplab = Some(Path::new(env!("CARGO_BIN_EXE_sceplab")).to_owned());
    let options = LabOptions { driver: Driver::Netns, sceplab, ..LabOptions::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(harness::drivers::probe(&options))
}
