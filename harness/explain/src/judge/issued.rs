//! The certificate in a reply, held against what was asked for.

use std::time::SystemTime;

use openssl::{
    pkey::{PKey, Public},
    x509::X509,
};
use scep::{
    attribute::{MessageType, PkiStatus},
    certificate::is_self_issued,
    request::{Csr, differences},
};

use super::Conversation;
use crate::{
    explanation::Finding,
    layer::{Facts, Inner, named},
};

/// The findings about the content of a reply that grants a request.
pub(super) fn findings(
    asked: &Facts,
    came: &Facts,
    conversation: &Conversation<'_>,
    at: SystemTime,
) -> Vec<Finding> {
    if came.pki_status != Some(PkiStatus::Success) {
        return Vec::new();
    }
    let Some(Inner::Certificates(contents)) =
        came.envelope.as_ref().and_then(|it| it.inner.as_ref())
    else {
        return Vec::new();
    };
    if asked.message_type == Some(MessageType::GetCrl) {
        let none = contents.crls.is_empty();
        return none
            .then(|| Finding::wrong("the reply to a GetCRL has no revocation list").against("R50"))
            .into_iter()
            .collect();
    }
    if contents.certificates.is_empty() {
        return vec![
            Finding::wrong("the envelope of the SUCCESS holds no certificate").against("R40"),
        ];
    }
    let csr = requested(asked);
    let Some(key) = csr.map(|csr| csr.public_key.clone()).or_else(|| likely_key(asked)) else {
        return Vec::new();
    };
    let has_key = |one: &X509| one.public_key().is_ok_and(|its| its.public_eq(&key));
    let Some(place) = contents.certificates.iter().position(has_key) else {
        let words = format!(
            "no certificate in the reply has the requested key; the first is {}",
            named(&contents.certificates[0])
        );
        return vec![Finding::wrong(words).against("R40")];
    };
    let issued = &contents.certificates[place];
    let mut all = Vec::new();
    if place > 0 {
        let words = format!(
            "the issued certificate is number {} in the reply; some clients take the first one",
            place + 1
        );
        all.push(Finding::odd(words).against("R40"));
    }
    if let Some(authority) = conversation.authority
        && let Err(refusal) = authority.certificates.issued(std::slice::from_ref(issued), &key)
    {
        all.push(
            Finding::wrong(format!("the issued certificate: {}", refusal.reason))
                .against_section("RFC 8894 §3.3.2.1"),
        );
    }
    if let Some(csr) = csr {
        let different = differences(csr.subject(), &csr.extensions, issued, at);
        all.extend(different.into_iter().map(|words| {
            Finding::odd(words)
                .against("R73")
                .advice("a CA may do so; the client must take it, or its settings must be changed")
        }));
    }
    all
}

/// The request, if it was opened.
fn requested(asked: &Facts) -> Option<&Csr> {
    match asked.envelope.as_ref()?.inner.as_ref()? {
        Inner::Request(csr) => Some(csr),
        _ => None,
    }
}

/// The key of the self-signed certificate that signs a first request, which should be the one to certify (RFC 8894 §2.3).
fn likely_key(asked: &Facts) -> Option<PKey<Public>> {
    let signer = asked.signer.as_ref().filter(|signer| is_self_issued(signer))?;
    (asked.message_type == Some(MessageType::PkcsReq)).then(|| signer.public_key().ok())?
}
