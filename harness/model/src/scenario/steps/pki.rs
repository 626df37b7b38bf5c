//! The steps at a PKI: `approve`, `deny` and `issued`.

use std::time::Duration;

use super::Given;
use crate::scenario::check::{self, Check};
use diagnostics::Located;
use mock_ca::Approval;

/// A decision about a PKI's oldest pending request.
#[derive(Debug, Clone)]
pub struct DecisionStep {
    /// The PKI.
    pub pki: String,
    /// True to grant the request, false to deny it.
    pub approves: bool,
    /// Time limit for a request to arrive.
    pub within: Duration,
    /// True if the PKI decides by itself, so that no request ever waits.
    pub is_automatic: bool,
}

impl DecisionStep {
    /// The fields of the steps.
    pub(super) const FIELDS: &[&[&str]] = &[&["pki", "within"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let (approves, within) = (given.kind == "approve", given.within());
        let pki = given.pki()?;
        let simulated = given.lab.and_then(|lab| lab.pkis.get(&pki));
        let is_automatic = simulated.is_some_and(|it| it.approval == Approval::Automatic);
        Some(Self { pki, approves, within, is_automatic })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        let verb = if self.approves { "approve" } else { "deny" };
        format!("{verb} a request at {}", self.pki)
    }
}

/// Expectations about the certificates that a PKI has issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The PKI.
    pub pki: String,
    /// Their number; if neither this nor a check is given, at least one.
    pub count: Option<Located<usize>>,
    /// Checks on the list of certificates: each line has a serial number and a subject.
    pub checks: Vec<Check>,
    /// Time limit for the certificates.
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

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("check what {} issued", self.pki)
    }
}
