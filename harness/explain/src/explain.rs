//! From what was handed in to its explanation.

mod secrets;

use redact::Masker;
use results::{MessageInShort, requirement::End};
use scep::{attribute::MessageType, http::Operation};

use self::secrets::secrets;
use crate::{
    body::Body,
    exhibit::Exhibit,
    explanation::{Explanation, Field, Layer, Part, VERSION},
    judge,
    knowledge::Knowledge,
    layer::{self, Facts, Reading},
    piece::{self, Http, Piece},
    remarks::remarks,
    short,
};

/// Explains these messages, which are a conversation if they are several.
pub fn explain(exhibits: Vec<Exhibit>, knowledge: &Knowledge) -> Explanation {
    let mut pieces = piece::pieces(exhibits);
    let mut knowledge = knowledge.clone();
    for certificate in pieces.iter().flat_map(|piece| piece.body.certificates()) {
        if !knowledge.certificates.contains(&certificate) && knowledge.certificates.len() < MOST {
            knowledge.certificates.push(certificate);
        }
    }
    let mut layers: Vec<Layer> = Vec::new();
    for piece in &mut pieces {
        let at = knowledge.moment(piece.at);
        let reading = Reading { knowledge: &knowledge, at, sender: piece.sender };
        let (layer, facts) = read(&piece.body, &piece.bytes, reading);
        if piece.sender.is_none() {
            piece.sender = facts.as_ref().and_then(Facts::sender);
        }
        piece.facts = facts;
        layers.push(layer);
    }
    let secrets = secrets(&pieces, &knowledge);
    if !knowledge.shows_secrets {
        let masker = Masker::new(secrets.iter().cloned());
        for (piece, layer) in pieces.iter_mut().zip(&mut layers) {
            if piece.mask(&masker) {
                let at = knowledge.moment(piece.at);
                let reading = Reading { knowledge: &knowledge, at, sender: piece.sender };
                *layer = read(&piece.body, &piece.bytes, reading).0;
            }
        }
    }
    piece::pair(&mut pieces);
    let mut parts: Vec<Part> = Vec::new();
    for (at, layer) in layers.into_iter().enumerate() {
        parts.push(part(&pieces, at, layer));
    }
    let verdict = judge::conversation(&pieces, &knowledge, &mut parts);
    for (piece, part) in pieces.iter().zip(&mut parts) {
        part.short = short::of(piece, part, &knowledge);
    }
    let remarks = remarks(&pieces, &knowledge);
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
        Body::Foreign(content) => layer::foreign(content),
    };
    (layer, None)
}

fn part(pieces: &[Piece], at: usize, mut layer: Layer) -> Part {
    let piece = &pieces[at];
    if let Some(end) = piece.sender {
        layer.blame(end);
    }
    let asked = piece.answers.map(|request| &pieces[request]);
    Part {
        number: at + 1,
        origin: piece.origin.clone(),
        taken_for: piece.taken_for.clone(),
        sender: piece.sender,
        exchange: exchange(asked.unwrap_or(piece)),
        answers: piece.answers.map(|request| request + 1),
        short: MessageInShort::default(),
        http: http(piece, asked),
        gaps: piece.gaps.iter().map(ToString::to_string).collect(),
        findings: Vec::new(),
        layer: Some(layer).filter(|_| has_content(piece)),
    }
}

/// False for a request that has no content by its nature, such as a GetCACaps.
fn has_content(piece: &Piece) -> bool {
    let is_message = matches!(piece.operation(), Some(Operation::PkiOperation(_)) | None);
    piece.sender != Some(End::Client) || is_message || !matches!(piece.body, Body::Empty)
}

/// The exchange of a request: `PKIOperation (PKCSReq)`.
fn exchange(request: &Piece) -> Option<String> {
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
fn http(piece: &Piece, asked: Option<&Piece>) -> Vec<Field> {
    let mut fields = Vec::new();
    match &piece.http {
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
    if let (Some(at), true) = (piece.at, is_first) {
        fields.push(Field::new("time", scep::clock::moment_text(at)));
    }
    let ends = [("from", &piece.client), ("to", &piece.server)];
    let ends = ends.into_iter().filter(|_| is_first && piece.sender == Some(End::Client));
    fields.extend(ends.filter_map(|(name, end)| Some(Field::new(name, end.clone()?))));
    fields
}
