//! Which requirement is covered by which cases, generated from the cases themselves.

use serde::Serialize;

use model::scenario::Scenario;
use results::requirement::{End, Requirement};

/// A requirement and its cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// The ids of the cases for each end that is held to it.
    pub cases: Vec<(End, Vec<String>)>,
}

impl Coverage {
    /// The ends for which there is neither a case nor a reason why there can be none.
    pub fn missing(&self) -> Vec<End> {
        let is_missing = |(end, cases): &&(End, Vec<String>)| {
            cases.is_empty() && self.requirement.untestable_for(*end).is_none()
        };
        self.cases.iter().filter(is_missing).map(|(end, _)| *end).collect()
    }
}

/// Each requirement with the cases that are about it.
pub fn coverage(cases: &[Scenario]) -> Vec<Coverage> {
    let about = |requirement: &Requirement, end: End| {
        let is_about = |case: &&Scenario| {
            case.conformance
                .as_ref()
                .is_some_and(|it| it.end == end && it.requirement.id == requirement.id)
        };
        cases.iter().filter(is_about).map(|case| case.id.clone()).collect()
    };
    Requirement::ALL
        .iter()
        .map(|requirement| Coverage {
            requirement,
            cases: requirement.ends.iter().map(|end| (*end, about(requirement, *end))).collect(),
        })
        .collect()
}
