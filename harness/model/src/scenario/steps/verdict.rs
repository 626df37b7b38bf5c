//! The steps `approve` and `deny`.

use std::time::Duration;

use super::Given;

/// The fields of the steps.
pub(super) const FIELDS: [&str; 2] = ["pki", "within"];

/// A decision about a PKI's oldest pending request.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The PKI.
    pub pki: String,
    /// How long a request is waited for.
    pub within: Duration,
}

impl Verdict {
    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let within = given.within();
        Some(Self { pki: given.pki()?, within })
    }

    /// What is done, in words.
    pub(super) fn title(&self, verb: &str) -> String {
        format!("{verb} a request at {}", self.pki)
    }
}
