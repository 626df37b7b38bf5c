//! The steps that a PKI takes: `approve`, `deny` and `issued`.

use std::time::Duration;

use super::Given;
use crate::scenario::check::{self, Check};
use diagnostics::Located;

/// A decision about a PKI's oldest pending request.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The PKI.
    pub pki: String,
    /// Whether the request is granted, rather than refused.
    pub approves: bool,
    /// How long a request is waited for.
    pub within: Duration,
}

impl Verdict {
    /// The fields of the steps.
    pub(super) const FIELDS: &[&[&str]] = &[&["pki", "within"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let (approves, within) = (given.kind == "approve", given.within());
        Some(Self { pki: given.pki()?, approves, within })
    }

    /// What is done, in words.
    pub(super) fn title(&self) -> String {
        let verb = if self.approves { "approve" } else { "deny" };
        format!("{verb} a request at {}", self.pki)
    }
}

/// What is expected of the certificates that a PKI issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The PKI.
    pub pki: String,
    /// How many there are; where neither this nor a check is given, at least one.
    pub count: Option<Located<usize>>,
    /// What is expected of their list: a line for each, its serial number and its subject.
    pub checks: Vec<Check>,
    /// How long they are waited for.
    pub within: Duration,
}

impl Issued {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["pki", "count", "within"], &check::FIELDS];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let count = given.fields.optional("count").and_then(|node| {
            let value = node.parsed("a number of certificates", given.problems)?;
            Some(Located { value, place: node.place.clone() })
        });
        let (checks, within) = (given.checks(), given.within());
        Some(Self { pki: given.pki()?, count, checks, within })
    }

    /// What is done, in words.
    pub(super) fn title(&self) -> String {
        format!("check what {} issued", self.pki)
    }
}
