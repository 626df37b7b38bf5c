//! The certificates of a PKI itself: its CA and those above it, its registration authority, and the CA that follows.

use std::time::{Duration, SystemTime};

use mock_ca::{
    CaCertificate, Hierarchy, IssuerCa, MOST_LEVELS, NextCa, NextKey, NextRegistration,
    PersonalityName, RegistrationPlan,
};
use scep::clock::moment_text;

use super::policy::life;
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// A CA with those above it.
#[derive(Default)]
pub(super) struct Ca {
    pub(super) subject: Option<String>,
    certificate: CaCertificate,
    /// The nearest first.
    issued_by: Vec<IssuerCa>,
}

const FIELDS: [&str; 5] = ["subject", "key", "valid-from", "valid-for", "issued-by"];

const KEYS: [(&str, u32); 4] =
    [("rsa:1024", 1024), ("rsa:2048", 2048), ("rsa:3072", 3072), ("rsa:4096", 4096)];

/// The CA that issues, and those above it.
pub(super) fn ca(node: &Node, problems: &Problems) -> Option<Ca> {
    let fields = Fields::of(node, "a CA", &FIELDS, problems)?;
    let mut ca = Ca {
        subject: fields.optional_as("subject", subject),
        certificate: certificate(&fields),
        issued_by: Vec::new(),
    };
    let mut above = fields.optional("issued-by");
    while let Some(node) = above {
        if ca.issued_by.len() + 1 == MOST_LEVELS {
            let message = format!("a PKI has at most {MOST_LEVELS} CAs, one above the other");
            problems.add(Diagnostic::at(&node.place, message));
            break;
        }
        let fields = Fields::of(node, "a CA", &FIELDS, problems)?;
        let subject = fields.required_as("subject", subject);
        let certificate = certificate(&fields);
        ca.issued_by.extend(subject.map(|subject| IssuerCa { subject, certificate }));
        above = fields.optional("issued-by");
    }
    Some(ca)
}

fn certificate(fields: &Fields<'_>) -> CaCertificate {
    let defaults = CaCertificate::default();
    CaCertificate {
        key_bits: fields.one_of("key", "key", &KEYS).unwrap_or(defaults.key_bits),
        valid_from: fields.optional_as("valid-from", Node::moment),
        valid_for: fields.optional_as("valid-for", life),
    }
}

fn subject(node: &Node, problems: &Problems) -> Option<String> {
    let subject = node.text(problems)?;
    if let Err(error) = scep::name::parse(&subject) {
        problems.add(Diagnostic::at(&node.place, format!("not a name: {error}")));
    }
    Some(subject)
}

/// All certificates of a PKI whose CA is opened at this time of its clock.
pub(super) fn hierarchy(
    ca: Ca,
    fields: &Fields<'_>,
    personality: PersonalityName,
    opened: SystemTime,
    problems: &Problems,
) -> Hierarchy {
    // By default a CA is a day old.
    let day = Duration::from_secs(86_400);
    let by_default = opened.checked_sub(day).unwrap_or(opened);
    let begin = ca.certificate.valid_from.unwrap_or(by_default);
    let ra = fields.optional("ra").and_then(|node| {
        if !personality.has_registration() {
            let message = format!(
                "`ra` is for PKIs with a registration authority, such as `ndes`; `{personality}` has none"
            );
            problems.add(Diagnostic::at(&node.place, message));
        }
        registration(node, begin, problems)
    });
    let next_ca = fields.optional("next-ca");
    Hierarchy {
        ca: ca.certificate,
        issued_by: ca.issued_by,
        registration: ra.unwrap_or_default(),
        next_ca: next_ca.and_then(|node| next(node, personality, begin, problems)),
    }
}

fn registration(node: &Node, begin: SystemTime, problems: &Problems) -> Option<RegistrationPlan> {
    let known = ["valid-from", "valid-for", "next"];
    let fields = Fields::of(node, "a registration authority", &known, problems)?;
    Some(RegistrationPlan {
        valid_from: fields.optional_as("valid-from", Node::moment),
        valid_for: fields.optional_as("valid-for", life),
        next: fields.optional("next").and_then(|node| next_registration(node, begin, problems)),
    })
}

fn next_registration(
    node: &Node,
    begin: SystemTime,
    problems: &Problems,
) -> Option<NextRegistration> {
    let what = "the renewal of a registration authority";
    let fields = Fields::of(node, what, &["from", "valid-for", "key"], problems)?;
    Some(NextRegistration {
        from: from(&fields, begin, problems)?,
        valid_for: fields.optional_as("valid-for", life),
        key: fields.one_of("key", "key", NextKey::NAMED).unwrap_or(NextKey::New),
    })
}

fn next(
    node: &Node,
    personality: PersonalityName,
    begin: SystemTime,
    problems: &Problems,
) -> Option<NextCa> {
    let known = ["from", "announced", "subject", "key", "valid-for"];
    let fields = Fields::of(node, "the next CA", &known, problems)?;
    let from = from(&fields, begin, problems);
    let announced = fields.optional_as("announced", Node::moment);
    if let Some(node) = fields.optional("announced") {
        if !personality.has_next_ca() {
            let message = format!(
                "`{personality}` does not serve GetNextCACert, so it announces no next CA; `rfc8894` does"
            );
            problems.add(Diagnostic::at(&node.place, message).note("leave `announced` out"));
        } else if let (Some(announced), Some(from)) = (announced, from)
            && announced >= from
        {
            let message = "the next CA would never be announced: it issues already at that moment";
            let label = format!("`from` is {}", moment_text(from));
            problems.add(Diagnostic::at(&node.place, message).label(label));
        }
    }
    Some(NextCa {
        from: from?,
        announced,
        subject: fields.optional_as("subject", subject),
        key: fields.one_of("key", "key", NextKey::NAMED).unwrap_or(NextKey::New),
        valid_for: fields.optional_as("valid-for", life),
    })
}

/// The moment from which something follows, after the begin of the CA.
fn from(fields: &Fields<'_>, begin: SystemTime, problems: &Problems) -> Option<SystemTime> {
    let node = fields.required("from")?;
    let from = node.moment(problems)?;
    if from <= begin {
        let message = "it would follow before the CA itself begins";
        let label = format!("the CA begins at {}", moment_text(begin));
        problems.add(Diagnostic::at(&node.place, message).label(label));
        return None;
    }
    Some(from)
}
