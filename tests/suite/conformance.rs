//! Conformance: the catalogue, its coverage, and `sceplab conform` at good, odd and hostile servers.

mod challenge_types; // passwords that a string type cannot have
mod coverage; // every requirement, every mutation and every fault has a case
mod ended; // servers that a request ends
mod faults; // a faulty server fails the cases that name its fault, and no others
mod gate; // set-ups in which nobody is judged
mod hostile; // servers that send nothing, too much, or nonsense
mod mutations; // the mock CA's answer to each mutation
mod not_issued; // what is refused is not issued
mod outcomes; // each acceptable outcome of a case can happen
mod servers; // the command at servers on real ports
mod stopped; // servers that do not work any more from the middle of a run on
mod targets; // deviations that are known, gone, or expired
mod vacuous; // servers that do nothing, or say SUCCESS to everything

use std::collections::BTreeSet;

use model::scenario::{Scenario, discover, load};

use super::sceplab::workspace;

/// The cases below a folder of the catalogue.
fn cases(folder: &str) -> Vec<Scenario> {
    let folder = workspace().join("scenarios").join("conformance").join(folder);
    let found = discover(&[folder]).unwrap();
    found.iter().map(|found| load(found, None).unwrap()).collect()
}

/// The last two parts of an id, such as `algorithms/des`.
fn short(id: &str) -> String {
    let mut parts = id.rsplit('/');
    let name = parts.next().unwrap_or_default();
    format!("{}/{name}", parts.next().unwrap_or_default())
}

fn sorted(ids: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    ids.into_iter().collect()
}
