//! A step that lets the client under test enrol once.

use std::time::Duration;

use super::scep::{Acceptable, facts};
use diagnostics::Place;

/// Lets the client under test enrol once.
#[derive(Debug, Clone)]
pub struct ClientStep {
    /// The PKI.
    pub pki: String,
    /// How long the client may take; it is ended then.
    pub within: Duration,
    /// The challenge password that it is told.
    pub challenge: GivenChallenge,
    /// What it may do; where it is empty, it must get a certificate.
    pub acceptable: Vec<Acceptable<ClientFact>>,
    /// Why nothing is found out where a fault of the PKI did not happen because the client never asked for what it is
    /// about; without a reason that is a failure.
    pub skip_unless_fired: Option<String>,
    /// Where the step stands in the file.
    pub place: Place,
}

/// Which challenge password the client under test is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GivenChallenge {
    /// One that serves, where the PKI asks for any.
    #[default]
    Right,
    /// One that does not serve.
    Wrong,
    /// None.
    None,
}

facts! {
    /// A fact of what the client under test did.
    ClientFact:
    Outcome, "outcome", ["issued", "refused", "denied", "gave-up", "claimed", "overdue"], "What it says, and whether the CA agrees: `issued`, it has a certificate and the CA issued one; `refused`, it has none and the CA issued one; `denied`, it has none and the CA denied it; `gave-up`, it has none and the CA decided nothing; `claimed`, it has one and the CA issued none; `overdue`, it said nothing in its time.";
}
