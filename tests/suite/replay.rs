//! `sceplab replay`: recorded servers answer again.
#![cfg(unix)]

mod at;
mod faults;
mod hostile;
mod serve;
mod usage;

/// The folder with the snapshots, from that of the module that compares.
const SNAPSHOTS: &str = "../suite/replay/snapshots";
