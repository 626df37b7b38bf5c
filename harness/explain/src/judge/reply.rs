//! A reply held against its request.

use std::time::SystemTime;

use openssl::{
    pkey::Id,
    x509::{X509, X509Ref},
};
use results::requirement::End;
use scep::{
    algorithm::Cipher,
    attribute::{FailInfo, MessageType, PkiStatus},
    capabilities::Capabilities,
    certificate::{allows, invalidity, is_ca, serial_number},
    key_usage::KeyUsage,
    name::to_text,
};

use super::{Conversation, authority::Authority, issued};
use crate::{
    explanation::Finding,
    layer::{Facts, named},
    sent_message::SentMessage,
};

/// The findings about a reply to a message.
pub(super) fn findings(
    request: &SentMessage,
    reply: &SentMessage,
    conversation: &Conversation<'_>,
) -> Vec<Finding> {
    let (Some(asked), Some(came)) = (&request.facts, &reply.facts) else { return Vec::new() };
    if request.bytes == reply.bytes {
        let words = "the server sent the request back in place of a reply";
        return vec![Finding::wrong(words).against("R79").by(End::Server)];
    }
    let at = conversation.knowledge.moment(reply.at);
    let mut all = Vec::new();
    let other = came.message_type.as_ref().filter(|it| **it != MessageType::CertRep);
    all.extend(other.map(|other| {
        Finding::wrong(format!("the messageType of the reply is {other}, not CertRep"))
            .against_section("RFC 8894 §3.3.2")
    }));
    all.extend(transaction(asked, came));
    all.extend(signer(came, conversation.authority, at));
    all.extend(addressee(asked, came));
    all.extend(issued::findings(asked, came, conversation, at));
    let mut all: Vec<Finding> = all.into_iter().map(|finding| finding.by(End::Server)).collect();
    all.extend(refusal(asked, came, conversation.capabilities));
    all
}

fn transaction(asked: &Facts, came: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    if let (Some(sent), Some(returned)) = (&asked.transaction_id, &came.transaction_id)
        && sent != returned
    {
        let (whole, start) = (sent.to_string(), returned.to_string());
        let words = if whole.starts_with(&start) {
            format!(
                "the reply's transactionID is only the beginning of the request's: `{start}` of `{whole}`"
            )
        } else {
            format!("the reply's transactionID is `{returned}`, the request's was `{sent}`")
        };
        all.push(Finding::wrong(words).against("R29"));
    }
    if let (Some(sent), Some(returned)) = (&asked.sender_nonce, &came.recipient_nonce)
        && sent != returned
    {
        let words = format!(
            "the reply's recipientNonce is `{returned}`, the request's senderNonce was `{sent}`"
        );
        let advice = "the reply belongs to another request, or the server makes the nonce anew";
        all.push(Finding::wrong(words).against("R31").advice(advice));
    }
    if let (Some(sent), None) = (&asked.sender_nonce, &came.recipient_nonce) {
        let words = format!(
            "the reply has no readable recipientNonce; it must be `{sent}`, the request's senderNonce"
        );
        all.push(Finding::wrong(words).against("R31"));
    }
    all
}

/// The findings about a CertRep whose request is not there.
pub(super) fn findings_alone(reply: &SentMessage, conversation: &Conversation<'_>) -> Vec<Finding> {
    let facts = reply.facts.as_ref().filter(|_| reply.is(&MessageType::CertRep));
    let Some(came) = facts else { return Vec::new() };
    let at = conversation.knowledge.moment(reply.at);
    let all = signer(came, conversation.authority, at).into_iter();
    all.map(|finding| finding.by(End::Server)).collect()
}

/// Whether the signer belongs to the PKI, and may sign.
fn signer(came: &Facts, authority: Option<&Authority>, at: Option<SystemTime>) -> Vec<Finding> {
    match authority {
        Some(authority) => known_signer(came, authority, at),
        None => expired_signer(came, at).into_iter().collect(),
    }
}

/// A signer of whose PKI nothing is known: its certificate may have been valid when it signed.
fn expired_signer(came: &Facts, at: Option<SystemTime>) -> Option<Finding> {
    let signer = came.signer.as_ref()?;
    let reason = invalidity(signer, at?)?;
    Some(Finding::odd(format!("the reply is signed with {}, which {reason}", named(signer))))
}

fn known_signer(came: &Facts, authority: &Authority, at: Option<SystemTime>) -> Vec<Finding> {
    let Some(signer) = &came.signer else {
        if !authority.is_complete {
            return Vec::new();
        }
        return vec![
            Finding::wrong(format!(
                "the signer's certificate is neither in the reply nor among {}",
                authority.source
            ))
            .against("R62"),
        ];
    };
    let subject = named(signer);
    if !authority.all().contains(&signer) {
        let words =
            format!("the reply is signed with {subject}, which is not among {}", authority.source);
        let invalid = at.and_then(|at| invalidity(signer, at));
        let invalid = invalid.map(|reason| format!("; it {reason}"));
        let is_harmless =
            invalid.is_none() && (authority.has_key_of(signer) || authority.may_have(signer));
        let words = words + &namesake(signer, authority) + &invalid.unwrap_or_default();
        let finding = if is_harmless { Finding::odd(words) } else { Finding::wrong(words) };
        return vec![finding.against("R62")];
    }
    let mut all = Vec::new();
    if !is_ca(signer) && !allows(signer, KeyUsage::DIGITAL_SIGNATURE) {
        let words = format!(
            "the reply is signed with {subject}, whose key usage does not allow digitalSignature"
        );
        all.push(Finding::wrong(words).against_section("RFC 5280 §4.2.1.3"));
    }
    if let Some(reason) = at.and_then(|at| invalidity(signer, at)) {
        all.push(
            Finding::wrong(format!("the reply is signed with {subject}, which {reason}"))
                .against_section("RFC 5280 §6.1.3"),
        );
    }
    all
}

/// The words about a known certificate with the same name.
fn namesake(signer: &X509, authority: &Authority) -> String {
    let Some(known) = authority.namesake(signer) else { return String::new() };
    let serial = |one: &X509| serial_number(one).unwrap_or_default();
    let key = |one: &X509| one.public_key().and_then(|key| key.public_key_to_der()).ok();
    match (serial(known) == serial(signer), key(known) == key(signer)) {
        (_, true) => "; the known one of this name has the same key: the one or the other is a new certificate for it".to_owned(),
        (true, false) => "; the known one of this name and serial number has another key: it is another CA's, or an impostor's".to_owned(),
        (false, false) => format!(
            "; the known one of this name, `{}`, has the serial number {} and another key",
            to_text(known.subject_name()),
            serial(known)
        ),
    }
}

/// Whether the reply is enciphered to the signer of the request.
fn addressee(asked: &Facts, came: &Facts) -> Option<Finding> {
    let opening = came.envelope.as_ref()?;
    let outside = opening.outside.as_ref()?;
    let signer = asked.signer.as_ref()?;
    if let Some(way) = opening.other_way {
        return by_other_way("the reply", way, signer);
    }
    if outside.is_addressed_to(signer) || outside.recipients().is_empty() {
        return None;
    }
    let addressed: Vec<String> = outside.recipients().iter().map(ToString::to_string).collect();
    let words = format!(
        "the reply is enciphered to {}, and not to the certificate that the request is signed with, {}",
        addressed.join(" and "),
        named(signer)
    );
    Some(Finding::wrong(words).against("R67"))
}

/// A finding if a message to a certificate with an RSA key is enciphered in another way than to that key.
pub(super) fn by_other_way(message: &str, way: &str, recipient: &X509Ref) -> Option<Finding> {
    let is_rsa = recipient.public_key().is_ok_and(|key| key.id() == Id::RSA);
    let words = format!(
        "{message} is enciphered by {way}, although the key of its recipient, {}, is RSA, to which it must be enciphered",
        named(recipient)
    );
    is_rsa.then(|| Finding::wrong(words).against("R68"))
}

/// What a refusal has to do with the request.
fn refusal(asked: &Facts, came: &Facts, capabilities: Option<&Capabilities>) -> Option<Finding> {
    if came.pki_status != Some(PkiStatus::Failure) {
        return None;
    }
    match came.denial.as_ref()?.fail_info.as_ref()? {
        FailInfo::BadAlg => {
            let cipher = asked.envelope.as_ref()?.outside.as_ref()?.cipher?;
            let offered = capabilities?;
            let is_offered = cipher != Cipher::Des
                && offered.offers_cipher(cipher)
                && offered.offers_digest(asked.digest);
            let words = format!(
                "the server refuses {cipher} with {} as badAlg, although it offers both",
                asked.digest
            );
            is_offered.then(|| Finding::odd(words).against("R04").by(End::Server))
        }
        _ => None,
    }
}
