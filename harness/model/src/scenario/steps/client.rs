//! The step in which the client under test enrols once.

use std::time::Duration;

use super::Given;
use super::scep::{Acceptable, Condition, Expected, acceptables, facts};
use crate::scenario::{DEFAULT_WITHIN, Expect};
use diagnostics::Place;

/// Reason to skip if a refusal cannot be judged.
const DENIED: &str = "the CA denied this client's request, so that there was nothing to refuse";

/// Reason to skip if the client does not end.
const OVERDUE: &str = "the client had not ended when the time was up, so it neither took nor refused the reply; `--timeout` gives it longer";

/// Reason to skip if the refusal that a client must report never came.
const NOT_DENIED: &str = "the client ended before the CA refused its password";

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
    Outcome, "outcome", ["issued", "refused", "denied", "gave-up", "silent", "claimed", "kept", "overdue", "crashed"], "What the client reports, and whether the CA agrees: `issued`, it has a certificate and the CA issued one; `refused`, it has none and the CA issued one; `denied`, it has none and the CA denied it; `gave-up`, it has none and the CA decided nothing; `silent`, it has none and sent no request; `claimed`, it has one and the CA issued none; `kept`, the same, but it has one from an earlier step; `overdue`, it did not end in time; `crashed`, a signal ended it.";
}

impl ClientFact {
    const fn says_what_came(_: Self) -> bool {
        false
    }

    const fn whole(_: Self) -> Option<Self> {
        None
    }
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
        let challenge = given.one_of("challenge", GivenChallenge::NAMED);
        let acceptable = match accept {
            Some(node) => acceptables(node, given.problems),
            None if !must_refuse => vec![outcomes(&["issued"], None, place)],
            None if challenge.is_none() => vec![
                outcomes(&["refused", "gave-up"], None, place),
                outcomes(&["denied"], Some(DENIED), place),
                outcomes(&["overdue"], Some(OVERDUE), place),
            ],
            None => vec![
                outcomes(&["denied"], None, place),
                outcomes(&["gave-up"], Some(NOT_DENIED), place),
                outcomes(&["overdue"], Some(OVERDUE), place),
            ],
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

    /// A run at a PKI that must bring a certificate.
    pub fn plain(pki: String, place: &Place) -> Self {
        Self {
            pki,
            within: DEFAULT_WITHIN,
            challenge: GivenChallenge::Right,
            acceptable: vec![outcomes(&["issued"], None, place)],
            skip_unless_fired: None,
            place: place.clone(),
        }
    }

    /// True if it must bring a certificate, with a right password.
    pub fn is_plain(&self) -> bool {
        let wanted = |it: &Expected| matches!(it, Expected::Text(text) if text == "issued");
        let is_issued = |one: &Acceptable<ClientFact>| {
            one.skip.is_none() && one.conditions.iter().all(|it| it.expected.iter().all(wanted))
        };
        self.challenge == GivenChallenge::Right && self.acceptable.iter().all(is_issued)
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("let the client enrol at {}", self.pki)
    }
}

fn outcomes(wanted: &[&str], skip: Option<&str>, place: &Place) -> Acceptable<ClientFact> {
    let expected = wanted.iter().map(|wanted| Expected::Text((*wanted).to_owned())).collect();
    let fact = ClientFact::Outcome;
    let condition = Condition { fact, whole: None, expected, place: place.clone() };
    let skip = skip.map(str::to_owned);
    let conditions = vec![condition];
    Acceptable { conditions, note: None, skip, because: None, place: place.clone() }
}
