//! Words about a CA that is another one than before.

use std::cmp::Ordering;
use std::time::SystemTime;

use openssl::x509::{X509, X509Ref};
use scep::certificate::Fingerprint;
use scep::client::CaCertificates;
use scep::name::to_text;

/// What the journal says if the issuing CA has another certificate than the known ones; `None` if it has not.
///
/// A CA that has not the configured fingerprint is refused before, so what comes here is trusted.
pub(super) fn change_of_ca(
    known: &CaCertificates,
    now_here: &CaCertificates,
    announced: &[X509],
    now: SystemTime,
) -> Option<String> {
    let (ca, before) = (now_here.issuer(now), known.issuer(now));
    if known.ca.iter().any(|one| **one == *ca) {
        return None;
    }
    let subject = to_text(ca.subject_name());
    if announced.iter().any(|one| **one == *ca) {
        return Some(format!("the CA is `{subject}` now, which the one before announced"));
    }
    if has_same_name_and_key(ca, before) {
        return Some(format!("the CA `{subject}` has a new certificate, with the same key"));
    }
    let fingerprint = Fingerprint::of(ca).map(|it| it.to_string()).unwrap_or_default();
    Some(format!(
        "warning: another CA answers, `{subject}` with the fingerprint {fingerprint}, in place of `{}`, which did not announce it; \
         it is trusted unless `ca-fingerprint` names another",
        to_text(before.subject_name())
    ))
}

fn has_same_name_and_key(one: &X509Ref, other: &X509Ref) -> bool {
    let names = one.subject_name().try_cmp(other.subject_name()).is_ok_and(Ordering::is_eq);
    let keys = match (one.public_key(), other.public_key()) {
        (Ok(one), Ok(other)) => one.public_eq(&other),
        _ => false,
    };
    names && keys
}
