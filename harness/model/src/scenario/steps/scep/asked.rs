//! What the request of a `scep` step asks for: names, usages, purposes, templates, and the key.

use std::fmt::Display;
use std::str::FromStr;

use scep::key::{KeyKind, RSA_BITS};
use scep::request::{AlternativeName, MAX_ALTERNATIVE_NAMES, MAX_PURPOSES, RequestedExtensions};

use super::super::Given;
use diagnostics::Diagnostic;
use diagnostics::yaml::{Node, Problems};

/// The extensions to ask for.
pub(super) fn extensions(given: &Given<'_>) -> RequestedExtensions {
    let problems = given.problems;
    let dns = |node: &Node| {
        let text = node.text(problems)?;
        known(AlternativeName::dns(&text), "DNS name", &text, node, problems)
    };
    let dns_names = given.fields.one_or_more("dns-names").iter().filter_map(dns);
    let others = several(given, "alternative-names", "alternative name");
    let names: Vec<_> = dns_names.chain(others).collect();
    limited(given, "alternative-names", names.len(), MAX_ALTERNATIVE_NAMES);
    let purposes = several(given, "purposes", "purpose");
    limited(given, "purposes", purposes.len(), MAX_PURPOSES);
    RequestedExtensions {
        alternative_names: names,
        key_usage: one(given, "key-usage", "key usage"),
        purposes,
        template_name: one(given, "template-name", "name of a template"),
        template: one(given, "template", "template"),
    }
}

/// The key to be certified.
pub(super) fn key(given: &Given<'_>) -> KeyKind {
    let kind: Option<KeyKind> = one(given, "key-type", "kind of key");
    let bits = given.number("key-bits", RSA_BITS, "a key length from 1024 to 8192 bits");
    match (kind, bits) {
        (None, Some(bits)) => KeyKind::rsa(bits),
        (Some(KeyKind::Rsa { exponent, .. }), Some(bits)) => KeyKind::Rsa { bits, exponent },
        (Some(other), Some(_)) => {
            given
                .refuse("key-bits", format!("a key of the kind `{other}` has no length to choose"));
            other
        }
        (kind, None) => kind.unwrap_or_default(),
    }
}

/// A field that is read by its `FromStr`.
fn one<T: FromStr<Err: Display>>(given: &Given<'_>, field: &str, what: &str) -> Option<T> {
    read(given.fields.optional(field)?, what, given.problems)
}

/// A field with one value or several.
fn several<T: FromStr<Err: Display>>(given: &Given<'_>, field: &str, what: &str) -> Vec<T> {
    let nodes = given.fields.one_or_more(field).iter();
    nodes.filter_map(|node| read(node, what, given.problems)).collect()
}

fn read<T: FromStr<Err: Display>>(node: &Node, what: &str, problems: &Problems) -> Option<T> {
    let text = node.text(problems)?;
    known(text.parse(), what, &text, node, problems)
}

/// The value; an error is reported at its place.
fn known<T, E: Display>(
    value: Result<T, E>,
    what: &str,
    text: &str,
    node: &Node,
    problems: &Problems,
) -> Option<T> {
    value
        .map_err(|error| {
            let message = format!("`{text}` is not a usable {what}");
            problems.add(Diagnostic::at(&node.place, message).note(error.to_string()));
        })
        .ok()
}

fn limited(given: &Given<'_>, field: &str, count: usize, most: usize) {
    if count > most {
        given.refuse(field, format!("{count} values, at most {most} are asked for"));
    }
}
