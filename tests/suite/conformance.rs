//! Conformance: the catalogue, its books, and what `sceplab conform` finds at servers, good, odd and hostile.

mod books; // every requirement, every wrong and every fault has its case
mod faults; // an ill-behaved server fails the cases that name its fault, and no others
mod hostile; // servers that say nothing, too much, or nonsense
mod servers; // the command at real ports
mod targets; // deviations that are known, gone, or excused no longer
mod wrongs; // what the mock CA says to each request that is wrong

use std::collections::BTreeSet;

use model::scenario::{Scenario, discover, load};

use super::sceplab::workspace;

/// All cases below a folder of the catalogue.
fn cases(folder: &str) -> Vec<Scenario> {
    let folder = workspace().join("scenarios").join("conformance").join(folder);
    let found = discover(&[folder]).unwrap();
    found.iter().map(|found| load(found, None).unwrap()).collect()
}

/// The last two parts of an id, by which a case is known within its end.
fn short(id: &str) -> String {
    let mut parts = id.rsplit('/');
    let name = parts.next().unwrap_or_default();
    format!("{}/{name}", parts.next().unwrap_or_default())
}

fn sorted(ids: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    ids.into_iter().collect()
}
