//! The labels by which it is known what a run has made.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::owner::Owner;

/// Names the run: one word, the same for all that a process makes.
pub(super) const RUN: &str = "sceplab.run";
/// Names the process that made it, and its machine, so that it can be told whether it lives.
pub const PROCESS: &str = "sceplab.process";
/// Names the scenario that runs in the lab.
pub(super) const LAB: &str = "sceplab.lab";
/// Marks the images that nodes of labs are made of.
pub const NODE: &str = "sceplab.node";

static OF_THIS_PROCESS: LazyLock<(String, String)> =
    LazyLock::new(|| (random_word(), Owner::of_this_process().to_string()));

/// What the run of this process is called.
pub fn run() -> String {
    OF_THIS_PROCESS.0.clone()
}

/// The labels of what is made for one lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    run: String,
    process: String,
    lab: String,
}

impl Labels {
    /// Those of a lab of this process, called after the scenario that runs in it.
    pub fn of_this_process(lab: &str) -> Self {
        let (run, process) = OF_THIS_PROCESS.clone();
        Self { run, process, lab: lab.to_owned() }
    }

    /// Those of another process's lab.
    pub fn of(run: &str, process: &Owner, lab: &str) -> Self {
        Self { run: run.to_owned(), process: process.to_string(), lab: lab.to_owned() }
    }

    /// The run that they name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// By key, as an engine wants them.
    pub fn map(&self) -> HashMap<String, String> {
        let labels = [(RUN, &self.run), (PROCESS, &self.process), (LAB, &self.lab)];
        labels.map(|(key, value)| (key.to_owned(), value.clone())).into()
    }
}

/// Nobody else's name.
fn random_word() -> String {
    format!("{:08x}{:08x}", random_number(), std::process::id())
}

/// A number that others do not have by chance; without randomness, which SCEP needs as well, zero.
pub(crate) fn random_number() -> u32 {
    let mut bytes = [0; 4];
    let _ = openssl::rand::rand_bytes(&mut bytes);
    u32::from_be_bytes(bytes)
}
