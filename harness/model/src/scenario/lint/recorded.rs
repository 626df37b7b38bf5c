//! What a recorded PKI cannot do: it only answers again.

use crate::lab::Lab;
use crate::scenario::Step;
use crate::scenario::steps::{Action, CertificateSource, PkiOrder};
use diagnostics::Diagnostic;

/// The mistake of a step that asks a recorded PKI for something that it cannot do.
pub(super) fn asked_in_vain(step: &Step, lab: &Lab) -> Option<Diagnostic> {
    let (pki, what) = asked(&step.action)?;
    let recorded = lab.recorded.get(pki)?;
    let message = format!("the PKI `{pki}` is recorded and only answers again: it cannot {what}");
    let recording = format!("it answers as `{}` was recorded", recorded.bundle.display());
    let way_out = "a simulated PKI, which has a `personality` in the lab, can";
    Some(Diagnostic::at(&step.place, message).note(recording).note(way_out))
}

/// The PKI that a step asks for more than SCEP, and what for.
fn asked(action: &Action) -> Option<(&str, &'static str)> {
    match action {
        Action::Approve(it) => Some((&it.pki, "approve a request")),
        Action::Deny(it) => Some((&it.pki, "deny a request")),
        Action::Issued(it) => Some((&it.pki, "list the certificates that it issued")),
        Action::Seen(it) => Some((&it.pki, "list the requests that it received")),
        Action::Pki(it) => match it.order {
            PkiOrder::RollOver => Some((&it.pki, "let another CA take over")),
            PkiOrder::Revoke { .. } => Some((&it.pki, "revoke a certificate")),
            PkiOrder::Stop | PkiOrder::Start => None,
        },
        Action::Certificate(it) => match &it.source {
            CertificateSource::LatestOf(pki) => {
                Some((pki, "show the certificate that it issued last"))
            }
            CertificateSource::Device { .. } => None,
        },
        _ => None,
    }
}
