//! The command line: exit codes, and snapshots of the output.
//!
//! `INSTA_UPDATE=always cargo test --test suite cli` updates the snapshots; read the changes as the user who gets them.

mod console;
mod files;
mod interrupted;
mod reports;
mod runs;
mod terminal;
mod usage;

use std::path::Path;

use super::sceplab::run_in;
use crate::support::samples::{LAB, PING, samples};
pub(crate) use crate::support::snapshots::assert_output;

/// Runs the binary in a folder with the samples, and compares its output with the snapshot of that name.
#[track_caller]
fn assert_run(name: &str, arguments: &[&str]) {
    assert_run_in(samples().path(), name, arguments);
}

#[track_caller]
fn assert_run_in(folder: &Path, name: &str, arguments: &[&str]) {
    let ended = run_in(folder, arguments);
    ended.assert_orderly();
    assert_output(name, &ended.transcript());
}
