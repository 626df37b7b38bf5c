//! A request held against the recorded one, in what matters to a server.

use std::collections::BTreeSet;

use scep::{message::AttributeName, name::to_text, request::Csr};

use crate::asked::Asked;

/// What is other in a request than in the recorded one, in sentences without secrets.
pub(crate) fn differences(recorded: &Asked, now: &Asked) -> Vec<String> {
    let mut found = Vec::new();
    let mut other = |what: &str, recorded: Option<String>, now: Option<String>| {
        if let (Some(recorded), Some(now)) = (recorded, now)
            && recorded != now
        {
            found.push(format!("{what}: {now}, recorded was {recorded}"));
        }
    };
    other(
        "message type",
        quoted(recorded.message_type.as_ref()),
        quoted(now.message_type.as_ref()),
    );
    let digest = |asked: &Asked| quoted(asked.template.digest());
    other("digest", digest(recorded), digest(now));
    let cipher = |asked: &Asked| Some(asked.outside.as_ref()?.content_algorithm.clone());
    other("cipher", cipher(recorded), cipher(now));
    let transport = |asked: &Asked| Some(asked.outside.as_ref()?.key_algorithms.first()?.clone());
    other("encryption of the key", transport(recorded), transport(now));
    other("signed attributes", Some(attributes(recorded)), Some(attributes(now)));
    let subject = |asked: &Asked| asked.subject().map(|name| format!("`{}`", to_text(&name)));
    let known = Some(recorded).filter(|recorded| !recorded.hides_its_subject(now));
    other("subject", known.and_then(subject), subject(now));
    let key =
        |asked: &Asked| asked.key().map(|key| format!("{:?} with {} bits", key.id(), key.bits()));
    other("key", key(recorded), key(now));
    let (of_recorded, of_now) = (recorded.csr.as_ref(), now.csr.as_ref());
    other("extensions asked for", of_recorded.map(extensions), of_now.map(extensions));
    other("challenge password", of_recorded.map(password), of_now.map(password));
    found
}

fn quoted(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// The names of the signed attributes that the standards know.
fn attributes(asked: &Asked) -> String {
    let names = asked.template.attribute_names().into_iter();
    let names: BTreeSet<_> = names.map(AttributeName::as_str).collect();
    listed(names.into_iter().map(str::to_owned))
}

fn extensions(csr: &Csr) -> String {
    listed(csr.extensions.iter().map(|one| one.extn_id.to_string()))
}

/// Whether there is one; never which.
fn password(csr: &Csr) -> String {
    (if csr.challenge_password.is_some() { "present" } else { "none" }).to_owned()
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
