//! A message in short.

use openssl::x509::X509Ref;
use results::MessageInShort;
use scep::{
    attribute::PkiStatus,
    certificate::{is_ca, is_self_issued, serial_number},
    name::to_text,
};

use crate::{
    body::Body,
    explanation::{Part, Severity},
    knowledge::Knowledge,
    layer::{Facts, Inner, Opening},
    sent_message::{Http, SentMessage},
};

/// A message in short, with what is wrong about it.
pub(crate) fn of(message: &SentMessage, part: &Part, knowledge: &Knowledge) -> MessageInShort {
    let wrong = part.all_findings().into_iter().filter(|it| it.severity == Severity::Wrong);
    let short = MessageInShort {
        sender: part.sender,
        what: what(message, part),
        http_status: match &message.http {
            Http::Reply(reply) => Some(reply.status),
            Http::Request(..) | Http::None => None,
        },
        wrong: wrong.map(|finding| finding.words.clone()).collect(),
        ..MessageInShort::default()
    };
    match &message.facts {
        Some(facts) => with_facts(short, facts, knowledge),
        None => short,
    }
}

/// The type of a pkiMessage, or else the operation of a request, and what came.
fn what(message: &SentMessage, part: &Part) -> String {
    if let Some(message_type) = message.facts.as_ref().and_then(|it| it.message_type.as_ref()) {
        return message_type.to_string();
    }
    let operation = message.operation().map(|operation| operation.name().to_owned());
    let content = part.layer.as_ref().map(|layer| match message.body.inner() {
        Body::Capabilities(read) => format!("capabilities: {read}"),
        _ => layer.sentence.clone(),
    });
    let words: Vec<String> = operation.into_iter().chain(content).collect();
    words.join(": ")
}

fn with_facts(short: MessageInShort, facts: &Facts, knowledge: &Knowledge) -> MessageInShort {
    let is_refusal = facts.pki_status == Some(PkiStatus::Failure);
    let refusal = facts.denial.as_ref().filter(|_| is_refusal);
    let inner = facts.envelope.as_ref().and_then(|it| it.inner.as_ref());
    let (subject, serial) = inner.map(about).unwrap_or_default();
    let outside = facts.envelope.as_ref().and_then(|it| it.outside.as_ref());
    MessageInShort {
        transaction_id: facts.transaction_id.as_ref().map(ToString::to_string),
        pki_status: facts.pki_status.clone(),
        refusal: refusal.map(ToString::to_string),
        subject,
        serial,
        signer: facts.signer.as_ref().map(|one| signer(one)),
        digest: Some(facts.digest.to_string()),
        recipient: facts.envelope.as_ref().and_then(|it| recipient(it, knowledge)),
        cipher: outside.map(|it| match it.cipher {
            Some(cipher) => cipher.to_string(),
            None => it.content_algorithm.clone(),
        }),
        ..short
    }
}

fn signer(one: &X509Ref) -> String {
    // That of a CA usually is.
    let itself = if is_self_issued(one) && !is_ca(one) { " (self-signed)" } else { "" };
    format!("{}{itself}", to_text(one.subject_name()))
}

/// The subject and the serial number that the content of a message is about.
fn about(inner: &Inner) -> (Option<String>, Option<String>) {
    match inner {
        Inner::Request(csr) => (Some(to_text(csr.subject())), None),
        Inner::Poll(names) => (Some(to_text(&names.subject)), None),
        Inner::Query(which) => (None, Some(hex::encode_upper(&which.serial))),
        Inner::Certificates(contents) => {
            let first = contents.certificates.first();
            let serial = first.and_then(|one| serial_number(one).ok());
            (first.map(|one| to_text(one.subject_name())), serial)
        }
    }
}

fn recipient(opening: &Opening, knowledge: &Knowledge) -> Option<String> {
    let outside = opening.outside.as_ref()?;
    let mut known = knowledge.certificates.iter().chain(&knowledge.ca);
    if let Some(known) = known.find(|one| outside.is_addressed_to(one)) {
        return Some(to_text(known.subject_name()));
    }
    outside.recipients().first().map(ToString::to_string)
}
