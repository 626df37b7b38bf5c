//! A simulated PKI.

use std::time::SystemTime;

use mock_ca::{AdminCredentials, Approval, ChallengePolicy, PersonalityName};
use scep::capabilities::Capability;
use scep::clock::Clock;

use super::super::values::{name, port, secret, secrets};
use super::super::{Pki, clock};
use super::{faults, hierarchy, policy, tls};
use diagnostics::yaml::{Entry, Fields, Keys, Node, Problems, Value};
use diagnostics::{Diagnostic, Located};

/// The fields of a simulated PKI.
pub(super) const SIMULATED: [&str; 18] = [
    "personality",
    "ca",
    "ra",
    "next-ca",
    "valid-for",
    "renewal-window",
    "crl",
    "capabilities",
    "challenge",
    "approval",
    "port",
    "tls",
    "admin",
    "allow-duplicate-names",
    "obsolete-algorithms",
    "der-replies",
    "clock",
    "faults",
];

/// A simulated PKI with its name, and the place of its clock if that differs from the lab's.
///
/// The clock of the lab shows `start` at the beginning.
pub(super) fn pki(
    entry: &Entry,
    start: SystemTime,
    problems: &Problems,
) -> Option<(Located<String>, Pki, Option<Located<i64>>)> {
    let fields = Fields::of(&entry.value, "a PKI", &SIMULATED, problems)?;
    let personality = fields
        .required("personality")
        .and_then(|node| node.one_of("personality", PersonalityName::NAMED, problems));
    // A missing personality is already reported; the rest is still read, for its own mistakes.
    let personality = personality.unwrap_or(PersonalityName::Linux);
    let ahead = fields.optional_as("clock", clock::ahead);
    let ahead_ms = ahead.as_ref().map_or(0, |ahead| ahead.value);
    let opened = Clock::reading(move || start).ahead_by(ahead_ms).now();
    let (approval, later_decision) =
        fields.optional_as("approval", policy::approval).unwrap_or((Approval::Automatic, None));
    let ca = fields.optional_as("ca", hierarchy::ca).unwrap_or_default();
    let tls = fields.optional_as("tls", tls::tls);
    let pki = Pki {
        personality,
        clock_ahead_ms: ahead_ms,
        subject: ca.subject.clone(),
        hierarchy: hierarchy::hierarchy(ca, &fields, personality, opened, problems),
        valid_for: fields.optional_as("valid-for", policy::life),
        renewal_window: fields.optional_as("renewal-window", policy::renewal_window),
        crl: fields.optional_as("crl", policy::crl).unwrap_or_default(),
        capabilities: fields
            .optional("capabilities")
            .map(|node| node.items(problems).iter())
            .map(|items| items.filter_map(|it| capability(it, personality, problems)).collect()),
        challenge: fields.optional_as("challenge", challenge).unwrap_or(ChallengePolicy::None),
        approval,
        later_decision,
        port: fields.optional_as("port", port),
        admin: fields.optional_as("admin", admin),
        obsolete_algorithms: fields
            .optional_as("obsolete-algorithms", Node::boolean)
            .unwrap_or_default(),
        der_replies: fields.optional_as("der-replies", Node::boolean).unwrap_or_default(),
        allow_duplicate_names: fields.optional_as("allow-duplicate-names", Node::boolean),
        faults: fields
            .optional("faults")
            .map(|node| faults::faults(node, personality, tls.as_ref(), problems))
            .unwrap_or_default(),
        tls,
    };
    Some((name(entry, "pki", problems)?, pki, ahead))
}

/// A keyword that the mock CA can announce. Only one personality has a next CA certificate.
fn capability(
    node: &Node,
    personality: PersonalityName,
    problems: &Problems,
) -> Option<Capability> {
    let mut known = Capability::NAMED.to_vec();
    known.retain(|(_, it)| personality.has_next_ca() || *it != Capability::GetNextCaCert);
    node.one_of("capability", &known, problems)
}

fn challenge(node: &Node, problems: &Problems) -> Option<ChallengePolicy> {
    if let Value::Scalar { .. } = node.value {
        return node.one_of("challenge", &[("none", ())], problems).map(|()| ChallengePolicy::None);
    }
    let keys = Keys::from(&["static", "one-time", "valid-for"]).advised(on_challenge);
    let fields = Fields::of(node, "a challenge", keys, problems)?;
    let life = fields.optional_as("valid-for", policy::life);
    match (fields.optional("static"), fields.optional("one-time")) {
        (Some(node), None) => {
            if let Some(life) = fields.optional("valid-for") {
                let message = "`valid-for` is for one-time passwords: a static one does not expire";
                problems.add(Diagnostic::at(&life.place, message));
            }
            Some(ChallengePolicy::Static(secret(node, problems)?))
        }
        (None, Some(node)) => {
            let mut policy = ChallengePolicy::one_time(secrets(node, problems));
            if let (Some(life), ChallengePolicy::OneTime { preset_expires, lifetime, .. }) =
                (life, &mut policy)
            {
                (*preset_expires, *lifetime) = (true, life);
            }
            Some(policy)
        }
        _ => {
            let message = "a challenge is `none`, `{static: …}` or `{one-time: […]}`";
            problems.add(Diagnostic::at(fields.place(), message));
            None
        }
    }
}

/// Advice about an unknown field of a challenge.
fn on_challenge(name: &str) -> Option<&'static str> {
    const EXPIRY: [&str; 7] =
        ["lifetime", "validity", "valid", "expires", "ttl", "within", "timeout"];
    EXPIRY.contains(&name).then_some(
        "`valid-for` is the life of one-time passwords, such as `60m`; without it those of a lab file do not expire, and those of \
         the page `mscep_admin` are valid for an hour",
    )
}

fn admin(node: &Node, problems: &Problems) -> Option<AdminCredentials> {
    let fields = Fields::of(node, "an administrator", &["user", "password"], problems)?;
    let user = fields.required_as("user", Node::text);
    let password = fields.required_as("password", secret);
    Some(AdminCredentials { user: user?, password: password? })
}
