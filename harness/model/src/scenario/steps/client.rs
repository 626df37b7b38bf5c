//! The fields of the steps about a client under test.

use std::time::Duration;

use super::acceptable::acceptables;
use crate::scenario::client::{ClientFact, ClientStep, GivenChallenge};
use crate::scenario::scep::{Acceptable, Condition, Expected};
use crate::scenario::seen::{Seen, SeenKind};
use diagnostics::yaml::{Fields, Problems};
use diagnostics::{Diagnostic, Place};

/// The fields of a client step.
pub(super) const FIELDS: [&str; 5] = ["pki", "within", "challenge", "accept", "skip-unless-fired"];

/// The fields of a seen step.
pub(super) const SEEN_FIELDS: [&str; 3] = ["pki", "on", "accept"];

const CHALLENGES: [(&str, GivenChallenge); 3] = [
    ("right", GivenChallenge::Right),
    ("wrong", GivenChallenge::Wrong),
    ("none", GivenChallenge::None),
];

/// Why nothing is found out about a refusal.
const DENIED: &str = "the CA denies what this client asks for, so that there was nothing to refuse";

/// Reads a client step; a client that is to fail must say so itself, which is an outcome like others.
pub(super) fn client(
    fields: &Fields<'_>,
    (pki, within, must_refuse): (String, Duration, bool),
    place: &Place,
    problems: &Problems,
) -> ClientStep {
    let accept = fields.optional("accept");
    if let (Some(node), true) = (accept, must_refuse) {
        let message = "`expect: failure` says already what is acceptable: that the client refuses";
        problems.add(Diagnostic::at(&node.place, message));
    }
    let challenge = fields
        .optional("challenge")
        .and_then(|node| node.one_of("challenge", &CHALLENGES, problems));
    let acceptable = match accept {
        Some(node) => acceptables(node, problems),
        None if !must_refuse => vec![outcomes(&["issued"], None, place)],
        None if challenge.is_none() => vec![
            outcomes(&["refused", "gave-up"], None, place),
            outcomes(&["denied"], Some(DENIED), place),
        ],
        None => vec![outcomes(&["denied", "gave-up"], None, place)],
    };
    ClientStep {
        pki,
        within,
        challenge: challenge.unwrap_or_default(),
        acceptable,
        skip_unless_fired: fields
            .optional("skip-unless-fired")
            .and_then(|node| node.text(problems)),
        place: place.clone(),
    }
}

fn outcomes(wanted: &[&str], skip: Option<&str>, place: &Place) -> Acceptable<ClientFact> {
    let expected = wanted.iter().map(|wanted| Expected::Text((*wanted).to_owned())).collect();
    let condition = Condition { fact: ClientFact::Outcome, expected, place: place.clone() };
    let skip = skip.map(str::to_owned);
    Acceptable { conditions: vec![condition], note: None, skip, place: place.clone() }
}

/// Reads a seen step.
pub(super) fn seen(fields: &Fields<'_>, pki: String, problems: &Problems) -> Option<Seen> {
    let on = fields.required("on");
    let kind = on.and_then(|node| node.one_of("request", &SeenKind::ALL, problems));
    let acceptable = fields.required("accept").map(|node| acceptables(node, problems));
    let place = on?.place.clone();
    Some(Seen { pki, on: kind?, acceptable: acceptable?, place })
}
