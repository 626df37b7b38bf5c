//! The certificate in a reply, held against what was asked for.

use std::time::SystemTime;

use openssl::{
    bn::BigNum,
    pkey::{PKey, Public},
    x509::X509,
};
use scep::{
    attribute::{MessageType, PkiStatus},
    body::IssuerAndSerial,
    certificate::is_self_issued,
    certs_only::CertsOnly,
    clock::system_time,
    name::to_text,
    request::{Csr, differences},
    revocation_list::RevocationList,
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
    at: Option<SystemTime>,
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
        return revocation_list(asked, contents).into_iter().collect();
    }
    if contents.certificates.is_empty() {
        return vec![
            Finding::wrong("the envelope of the SUCCESS holds no certificate").against("R40"),
        ];
    }
    if let Some(Inner::Query(which)) = asked.envelope.as_ref().and_then(|it| it.inner.as_ref()) {
        return other_than_queried(which, contents).into_iter().collect();
    }
    let asked = conversation.origin.map_or(asked, |(_, origin)| origin);
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
        // Without a time, at one at which it is valid.
        let at = at.or_else(|| system_time(issued.not_before()).ok());
        let different = at.map(|at| differences(csr.subject(), &csr.extensions, issued, at));
        all.extend(different.into_iter().flatten().map(|words| {
            Finding::odd(words)
                .against("R73")
                .advice("a CA may do so; the client must take it, or its settings must be changed")
        }));
    }
    all
}

/// The revocation list in the reply to a GetCRL.
fn revocation_list(asked: &Facts, contents: &CertsOnly) -> Option<Finding> {
    let Some(list) = contents.crls.first() else {
        return Some(Finding::wrong("the reply to a GetCRL has no revocation list").against("R50"));
    };
    let Some(Inner::Query(which)) = asked.envelope.as_ref()?.inner.as_ref() else { return None };
    let list = list.to_der().ok().and_then(|der| RevocationList::read(&der).ok())?;
    let is_asked_for = list.issuer().try_cmp(&which.issuer).is_ok_and(std::cmp::Ordering::is_eq);
    let words = || {
        format!(
            "the revocation list is that of `{}`, asked for was that of `{}`",
            to_text(list.issuer()),
            to_text(&which.issuer)
        )
    };
    (!is_asked_for).then(|| Finding::odd(words()).against_section("RFC 8894 §3.3.4"))
}

/// The finding about a reply without the certificate that a GetCert asks for.
fn other_than_queried(which: &IssuerAndSerial, contents: &CertsOnly) -> Option<Finding> {
    let wanted = BigNum::from_slice(&which.serial).ok()?;
    let is_it = |one: &X509| {
        let serial = one.serial_number().to_bn();
        // A number that breaks the rules may be negative, and is not compared.
        serial.is_ok_and(|serial| serial.is_negative() || serial == wanted)
            && one.issuer_name().try_cmp(&which.issuer).is_ok_and(std::cmp::Ordering::is_eq)
    };
    if contents.certificates.iter().any(is_it) {
        return None;
    }
    let words = format!(
        "no certificate in the reply is the one that was asked for, {} of the issuer `{}`; the first is {}",
        hex::encode_upper(&which.serial),
        to_text(&which.issuer),
        named(contents.certificates.first()?)
    );
    Some(Finding::wrong(words).against("R49"))
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
