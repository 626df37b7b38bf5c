//! The challenge passwords that were read, which no output may show: also those in structures that cannot be read to their end.

use scep::{
    challenge_page::Shown, content::latin_1, envelope::Outside, request::Csr, secret::Secret,
};

use crate::{
    asn1::{self, Node},
    body::Body,
    knowledge::Knowledge,
    layer::CHALLENGE_PASSWORD,
    sent_message::SentMessage,
};

/// The challenge passwords in all messages.
pub(super) fn secrets(messages: &[SentMessage], knowledge: &Knowledge) -> Vec<Secret> {
    let mut all = Vec::new();
    for message in messages {
        in_body(&message.body, &message.bytes, knowledge, &mut all);
    }
    all
}

fn in_body(body: &Body, bytes: &[u8], knowledge: &Knowledge, all: &mut Vec<Secret>) {
    match body {
        Body::Wrapped(_, inner, body) | Body::Trailing(_, inner, body) => {
            return in_body(body, inner, knowledge, all);
        }
        Body::ChallengePage(Shown::Password(password)) => all.push(password.clone()),
        Body::Message(message, _) | Body::Signed(message) => {
            if let Some(content) = message.content() {
                in_envelope(content, knowledge, all);
            }
        }
        Body::Envelope => in_envelope(bytes, knowledge, all),
        _ => {}
    }
    in_structure(bytes, all);
}

/// The passwords in an envelope that a known key opens, or in what is in the clear in place of one.
fn in_envelope(bytes: &[u8], knowledge: &Knowledge, all: &mut Vec<Secret>) {
    let opened = Outside::of(bytes).ok().and_then(|outside| knowledge.open(bytes, &outside));
    match opened {
        Some((_, Ok(opened))) => in_structure(&opened.content, all),
        Some((_, Err(_))) | None => in_structure(bytes, all),
    }
}

fn in_structure(bytes: &[u8], all: &mut Vec<Secret>) {
    all.extend(Csr::from_der(bytes).ok().and_then(|csr| csr.challenge_password));
    if let Some(tree) = asn1::tree(bytes, None, false) {
        in_node(&tree, bytes, all);
    }
}

/// The values that follow the object identifier of the challenge password.
fn in_node(node: &Node, bytes: &[u8], all: &mut Vec<Secret>) {
    let is_identifier = |node: &Node| {
        node.value.as_ref().is_some_and(|it| it.split(' ').next() == Some(CHALLENGE_PASSWORD))
    };
    let mut is_after = false;
    for inside in &node.inside {
        if is_after {
            strings(inside, bytes, all);
        } else {
            in_node(inside, bytes, all);
        }
        is_after |= inside.tag == "OBJECT IDENTIFIER" && is_identifier(inside);
    }
}

fn strings(node: &Node, bytes: &[u8], all: &mut Vec<Secret>) {
    let first = node.offset + node.header;
    let last = node.length.map_or(bytes.len(), |length| first.saturating_add(length));
    let is_string = node.tag.ends_with("String") || node.tag == "OCTET STRING";
    if let Some(content) = bytes.get(first..last.min(bytes.len()))
        && is_string
        && node.inside.is_empty()
        && !content.is_empty()
    {
        let text = match node.tag.as_str() {
            "BMPString" => utf_16(content),
            _ => String::from_utf8(content.to_vec()).unwrap_or_else(|_| latin_1(content)),
        };
        all.push(Secret::new(text));
    }
    node.inside.iter().for_each(|inside| strings(inside, bytes, all));
}

fn utf_16(content: &[u8]) -> String {
    let (units, _) = content.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    String::from_utf16_lossy(&units)
}
