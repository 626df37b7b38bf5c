//! The faults of a PKI, checked against the mock CA's catalogue.

use mock_ca::{Fault, FaultError, FaultRule, PersonalityName, Trigger};

use super::super::Tls;
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// Reads a list of fault rules.
pub(super) fn faults(
    node: &Node,
    personality: PersonalityName,
    tls: Option<&Tls>,
    problems: &Problems,
) -> Vec<FaultRule> {
    node.items(problems).iter().filter_map(|it| rule(it, personality, tls, problems)).collect()
}

fn rule(
    node: &Node,
    personality: PersonalityName,
    tls: Option<&Tls>,
    problems: &Problems,
) -> Option<FaultRule> {
    let fields = Fields::of(node, "a fault", &["on", "nth", "do"], problems)?;
    let on = fields.required("on").and_then(|it| it.one_of("request", Trigger::NAMED, problems));
    let nth = fields.optional("nth").map(|it| it.parsed("a whole number, 1 or more", problems));
    let action = fields.required("do")?;
    let fault = fault(action, problems)?;
    let rule = FaultRule::new(on?, nth.flatten(), fault);
    let refused = rule.as_ref().err().map(ToString::to_string);
    let unsuited = (!fault.suits(personality))
        .then(|| format!("a `{personality}` PKI has no certificates for `{}`", fault.name()));
    let without_tls = on.filter(|on| *on == Trigger::Handshake).and_then(|_| lacking(fault, tls));
    if let Some(reason) = refused.or(unsuited).or(without_tls) {
        problems.add(Diagnostic::at(&action.place, reason));
    }
    rule.ok()
}

/// What a PKI lacks for a fault of the TLS handshake.
fn lacking(fault: Fault, tls: Option<&Tls>) -> Option<String> {
    let name = fault.name();
    match tls {
        None => {
            Some(format!("`{name}` happens at a PKI with `tls: {{}}`, and this one speaks HTTP"))
        }
        Some(Tls { files: Some(_), .. }) if fault.replaces_tls_certificate() => Some(format!(
            "`{name}` is another certificate that the PKI makes, and `certificate` gives one"
        )),
        Some(_) => None,
    }
}

fn fault(node: &Node, problems: &Problems) -> Option<Fault> {
    let text = node.text(problems)?;
    match text.parse() {
        Ok(fault) => Some(fault),
        Err(FaultError::UnknownFault { name, .. }) => {
            let place = node.place_of(0, name.len());
            problems.add_with(|| {
                let known = Fault::ALL.iter().map(|fault| fault.name());
                let unknown = Diagnostic::at(&place, format!("unknown fault `{name}`"));
                unknown.known(&name, "known", known)
            });
            None
        }
        Err(error) => {
            problems.add(Diagnostic::at(&node.place, error.to_string()));
            None
        }
    }
}
