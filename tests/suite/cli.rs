//! The command line: exit codes, and snapshots of what is printed.
//!
//! `INSTA_UPDATE=always cargo test --test suite cli` writes the snapshots anew; what changed is for people to read.

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
pub(crate) use crate::support::snapshots::assert_told;

/// Runs the binary among the samples and holds what it says against the snapshot of that name.
#[track_caller]
fn assert_run(name: &str, arguments: &[&str]) {
    assert_run_in(samples().path(), name, arguments);
}

#[track_caller]
fn assert_run_in(folder: &Path, name: &str, arguments: &[&str]) {
    let ended = run_in(folder, arguments);
    ended.assert_orderly();
    assert_told(name, &ended.told());
}
