//! From what was handed in to its explanation.

mod secrets;

use redact::Masker;
use results::{MessageInShort, requirement::End};
use scep::{attribute::MessageType, http::Operation};

use self::secrets::secrets;
use crate::{
    body::Body,
    explanation::{Explanation, Field, Layer, Part, VERSION},
    item::InputItem,
    judge,
    knowledge::Knowledge,
    layer::{self, Facts, Reading},
    remarks::remarks,
    sent_message::{self, Http, SentMessage},
    short,
};

/// Explains these messages, which are a conversation if they are several.
pub fn explain(items: Vec<InputItem>, knowledge: &Knowledge) -> Explanation {
    let mut messages = sent_message::messages(items);
    let mut knowledge = knowledge.clone();
    for certificate in messages.iter().flat_map(|message| message.body.certificates()) {
        if !knowledge.certificates.contains(&certificate) && knowledge.certificates.len() < MOST {
            knowledge.certificates.push(certificate);
        }
    }
    let mut layers: Vec<Layer> = Vec::new();
    for message in &mut messages {
        let at = knowledge.moment(message.at);
        let reading = Reading { knowledge: &knowledge, at, sender: message.sender };
        let (layer, facts) = read(&message.body, &message.bytes, reading);
        if message.sender.is_none() {
            message.sender = facts.as_ref().and_then(Facts::sender);
        }
        message.facts = facts;
        layers.push(layer);
    }
    let secrets = secrets(&messages, &knowledge);
    if !knowledge.shows_secrets {
        let masker = Masker::new(secrets.iter().cloned());
        for (message, layer) in messages.iter_mut().zip(&mut layers) {
            if message.mask(&masker) {
                let at = knowledge.moment(message.at);
                let reading = Reading { knowledge: &knowledge, at, sender: message.sender };
                *layer = read(&message.body, &message.bytes, reading).0;
            }
        }
    }
    sent_message::pair(&mut messages);
    let mut parts: Vec<Part> = Vec::new();
    for (at, layer) in layers.into_iter().enumerate() {
        parts.push(part(&messages, at, layer));
    }
    let verdict = judge::conversation(&messages, &knowledge, &mut parts);
    for (message, part) in messages.iter().zip(&mut parts) {
        part.short = short::of(message, part, &knowledge);
    }
    let remarks = remarks(&messages, &knowledge);
    Explanation { version: VERSION, verdict, remarks, messages: parts, secrets }
}

/// The most certificates that are compared with signers and recipients.
const MOST: usize = 256;

/// A body as a layer.
fn read(body: &Body, bytes: &[u8], reading: Reading<'_>) -> (Layer, Option<Facts>) {
    let layer = match body {
        Body::Message(message, refused) => {
            let (layer, facts) = layer::message(message, refused.as_ref(), bytes, &reading);
            return (layer, Some(facts));
        }
        Body::Wrapped(content, inner, body) => {
            let (layer, facts) = read(body, inner, reading);
            return (layer::wrapped(content, layer), facts);
        }
        Body::Trailing(count, whole, body) => {
            let (layer, facts) = read(body, whole, reading);
            return (layer::trailing(*count, layer, whole.len()), facts);
        }
        Body::Signed(message) => layer::signed(message, bytes, &reading),
        Body::CertsOnly(contents) => layer::certs_only(contents, bytes, &reading),
        Body::Certificate(certificate) => layer::certificate(certificate, &reading),
        Body::Request(csr) => layer::request(csr, &reading),
        Body::RevocationList(list) => layer::revocation_list(list, &reading),
        Body::Envelope => layer::bare_envelope(bytes, &reading),
        Body::Capabilities(read) => layer::capabilities(read, bytes),
        Body::ChallengePage(shown) => layer::challenge_page(shown, &reading),
        Body::Empty => layer::empty(),
        Body::Broken(what, error) => layer::broken(what, error, bytes, &reading),
        Body::Foreign(content) => layer::foreign(content, &reading),
    };
    (layer, None)
}

fn part(messages: &[SentMessage], at: usize, mut layer: Layer) -> Part {
    let message = &messages[at];
    if let Some(end) = message.sender {
        layer.blame(end);
    }
    let asked = message.answers.map(|request| &messages[request]);
    Part {
        number: at + 1,
        origin: message.origin.clone(),
        taken_for: message.taken_for.clone(),
        sender: message.sender,
        exchange: exchange(asked.unwrap_or(message)),
        answers: message.answers.map(|request| request + 1),
        short: MessageInShort::default(),
        http: http(message, asked),
        gaps: message.gaps.iter().map(ToString::to_string).collect(),
        findings: Vec::new(),
        layer: Some(layer).filter(|_| has_content(message)),
    }
}

/// False for a request that has no content by its nature, such as a GetCACaps.
fn has_content(message: &SentMessage) -> bool {
    let is_message = matches!(message.operation(), Some(Operation::PkiOperation(_)) | None);
    message.sender != Some(End::Client) || is_message || !matches!(message.body, Body::Empty)
}

/// The exchange of a request: `PKIOperation (PKCSReq)`.
fn exchange(request: &SentMessage) -> Option<String> {
    let message_type = request.facts.as_ref().and_then(|facts| facts.message_type.as_ref());
    match (&request.http, message_type) {
        (Http::Request(_, _, Ok(Operation::PkiOperation(_))), None) => {
            Some("PKIOperation".to_owned())
        }
        (Http::Request(_, _, Ok(operation)), None) => Some(operation.name().to_owned()),
        (_, Some(MessageType::CertRep)) => Some("PKIOperation".to_owned()),
        (_, Some(message_type)) => Some(format!("PKIOperation ({message_type})")),
        _ => None,
    }
}

/// The HTTP around a message, without its body.
fn http(message: &SentMessage, asked: Option<&SentMessage>) -> Vec<Field> {
    let mut fields = Vec::new();
    match &message.http {
        Http::None => {}
        Http::Request(request, line, operation) => {
            let name = operation
                .as_ref()
                .map_or_else(|_| String::new(), |it| format!("?operation={}", it.name()));
            fields.push(Field::new("HTTP", format!("{line}{name}")));
            fields.extend(request.content_type.as_ref().map(|it| Field::new("Content-Type", it)));
        }
        Http::Reply(response) => {
            fields.push(Field::new("HTTP", response.status.to_string()));
            fields.extend(response.content_type.as_ref().map(|it| Field::new("Content-Type", it)));
            fields.extend(response.location.as_ref().map(|it| Field::new("Location", it)));
        }
    }
    let is_first = asked.is_none();
    if let (Some(at), true) = (message.at, is_first) {
        fields.push(Field::new("time", scep::clock::moment_text(at)));
    }
    let ends = [("from", &message.client), ("to", &message.server)];
    let ends = ends.into_iter().filter(|_| is_first && message.sender == Some(End::Client));
    fields.extend(ends.filter_map(|(name, end)| Some(Field::new(name, end.clone()?))));
    fields
}
