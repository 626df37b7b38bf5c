//! What `sceplab explain` says about real conversations, broken ones, and single messages.

mod conversations;
mod faults;
mod field_cases;
mod forms;
mod inputs;
mod keys;
mod mutations;
mod secrets;
mod transactions;
mod verdicts;

pub(crate) use self::field_cases::authority;

use std::path::PathBuf;

use super::sceplab::{Ended, command, finish};
use crate::support::sceplab::workspace;
use crate::support::snapshots::assert_output_of;

/// Runs `explain` with these arguments in the folder of the recorded conversations.
fn explain(arguments: &[&str]) -> Ended {
    let mut command = command(&captures(), &[&["explain"], arguments].concat());
    command.env("COLUMNS", "200");
    let ended = finish(command);
    ended.assert_orderly();
    ended
}

fn captures() -> PathBuf {
    workspace().join("tests/testdata/captures")
}

fn assert_snapshot(name: &str, ended: &Ended) {
    assert_output_of("../suite/explain/snapshots", name, &ended.transcript());
}

/// The first line of the explanation.
fn first_line(ended: &Ended) -> &str {
    ended.stdout.lines().next().unwrap_or_default()
}
