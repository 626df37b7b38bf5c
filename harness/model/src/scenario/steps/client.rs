//! The step in which the client under test enrols once.

use std::time::Duration;

use super::Given;
use super::scep::{Acceptable, Condition, Expected, acceptables, facts};
use crate::scenario::Expect;
use diagnostics::Place;

/// Reason to skip if a refusal cannot be judged.
const DENIED: &str = "the CA denied this client's request, so that there was nothing to refuse";

/// Makes the client under test enrol once.
#[derive(Debug, Clone)]
pub struct ClientStep {
    /// The PKI.
    pub pki: String,
    /// Time limit, after which the client is ended.
    pub within: Duration,
    /// The challenge password that it gets.
    pub challenge: GivenChallenge,
    /// The acceptable outcomes; if empty, it must get a certificate.
    pub acceptable: Vec<Acceptable<ClientFact>>,
    /// Reason to skip if a fault of the PKI did not happen, because the client never sent the request for it. Without a
    /// reason, that is a failure.
    pub skip_unless_fired: Option<String>,
    /// Place of the step in the file.
    pub place: Place,
}

scep::named! {
    /// The challenge password that the client under test gets.
    #[derive(Default)]
    GivenChallenge, "challenge" {
        /// A valid challenge password, if the PKI asks for any.
        #[default]
        Right = "right";
        /// An invalid challenge password.
        Wrong = "wrong";
        /// No challenge password.
        None = "none";
    }
}

facts! {
    /// A fact about the enrolment of the client under test.
    ClientFact:
    Outcome, "outcome", ["issued", "refused", "denied", "gave-up", "claimed", "overdue"], "What the client reports, and whether the CA agrees: `issued`, it has a certificate and the CA issued one; `refused`, it has none and the CA issued one; `denied`, it has none and the CA denied it; `gave-up`, it has none and the CA decided nothing; `claimed`, it has one and the CA issued none; `overdue`, it did not end in time.";
}

impl ClientStep {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] =
        &[&["pki", "within", "challenge", "accept", "skip-unless-fired"]];

    /// Reads the step; `expect: failure` becomes a list of acceptable outcomes.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let pki = given.pki();
        let (place, must_refuse) = (given.place, given.expect == Expect::Failure);
        let accept = given.fields.optional("accept");
        if must_refuse {
            let message =
                "`expect: failure` says already what is acceptable: that the client refuses";
            given.refuse("accept", message);
        }
        let challenge = given.one_of("challenge", &GivenChallenge::NAMED);
        let acceptable = match accept {
            Some(node) => acceptables(node, given.problems),
            None if !must_refuse => vec![outcomes(&["issued"], None, place)],
            None if challenge.is_none() => vec![
                outcomes(&["refused", "gave-up"], None, place),
                outcomes(&["denied"], Some(DENIED), place),
            ],
            None => vec![outcomes(&["denied", "gave-up"], None, place)],
        };
        Some(Self {
            pki: pki?,
            within: given.within(),
            challenge: challenge.unwrap_or_default(),
            acceptable,
            skip_unless_fired: given.text("skip-unless-fired"),
            place: place.clone(),
        })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("let the client enrol at {}", self.pki)
    }
}

fn outcomes(wanted: &[&str], skip: Option<&str>, place: &Place) -> Acceptable<ClientFact> {
    let expected = wanted.iter().map(|wanted| Expected::Text((*wanted).to_owned())).collect();
    let condition = Condition { fact: ClientFact::Outcome, expected, place: place.clone() };
    let skip = skip.map(str::to_owned);
    Acceptable { conditions: vec![condition], note: None, skip, place: place.clone() }
}
