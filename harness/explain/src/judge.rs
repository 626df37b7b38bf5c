//! Holds the messages of a conversation against each other, and says who is wrong.

mod authority;
mod course;
mod http;
mod issued;
mod reply;
mod request;
mod verdict;

use results::requirement::End;
use scep::{capabilities::Capabilities, http::Operation};

use self::authority::Authority;
use crate::{
    body::Body,
    exhibit::Extent,
    explanation::{Layer, Part, Severity, Verdict},
    knowledge::Knowledge,
    layer::Facts,
    piece::Piece,
};

/// Adds what the messages show together to the findings of each, and says who is wrong.
pub(crate) fn conversation(pieces: &[Piece], knowledge: &Knowledge, parts: &mut [Part]) -> Verdict {
    let authority = Authority::of(pieces, knowledge);
    for (at, piece) in pieces.iter().enumerate() {
        let asked_wrongly = piece.answers.is_some_and(|request| is_wrong(&parts[request]));
        let findings = &mut parts[at].findings;
        let asked = piece.answers.map(|request| &pieces[request]);
        findings.extend(http::findings(piece, asked, asked_wrongly));
        let conversation = Conversation {
            knowledge,
            authority: authority.as_ref(),
            capabilities: offered(pieces, at),
            origin: piece.answers.and_then(|request| course::origin(pieces, request)),
        };
        if let Some(answer) = answer(pieces, at) {
            findings.extend(request::findings(piece, answer.response, &conversation));
            findings.extend(course::of_request(pieces, at));
        }
        match asked.filter(|asked| is_message(asked)) {
            Some(asked) => {
                findings.extend(course::of_reply(pieces, at));
                findings.extend(reply::findings(asked, piece, &conversation));
            }
            None if piece.sender == Some(End::Client) => {}
            None => findings.extend(reply::findings_alone(piece, &conversation)),
        }
        if matches!(asked.and_then(Piece::operation), Some(Operation::GetCaCert(_)))
            && !piece.is_unjudged()
        {
            findings.extend(authority::findings(piece, knowledge));
        }
        if let Some(authority) = &authority {
            findings.extend(authority::of_next_ca(piece, authority));
        }
        if piece.is_unjudged() {
            unjudged(piece, &mut parts[at]);
        }
        let mut seen = Vec::new();
        let layers = parts[at].layer.iter().flat_map(Layer::all_findings);
        let layers: Vec<String> = layers.map(|finding| finding.words.clone()).collect();
        parts[at].findings.retain(|finding| {
            let is_new = !seen.contains(&finding.words) && !layers.contains(&finding.words);
            seen.push(finding.words.clone());
            is_new
        });
    }
    parts.iter_mut().for_each(Part::fit_bases);
    verdict::verdict(pieces, parts, authority.is_some())
}

/// Takes back what is said to be wrong with the content of a message: what the input lacks is nobody's mistake.
fn unjudged(piece: &Piece, part: &mut Part) {
    fn soften(layer: &mut Layer) {
        for finding in layer.findings.iter_mut().filter(|it| it.severity == Severity::Wrong) {
            finding.severity = Severity::Note;
            finding.advice = None;
        }
        layer.inside.iter_mut().for_each(soften);
    }
    if piece.extent == Extent::Partial && piece.bytes.is_empty() {
        part.layer = None;
    }
    part.layer.iter_mut().for_each(soften);
}

fn is_wrong(part: &Part) -> bool {
    part.all_findings().iter().any(|finding| finding.severity == Severity::Wrong)
}

/// What is known of the conversation when a message is judged.
struct Conversation<'a> {
    knowledge: &'a Knowledge,
    authority: Option<&'a Authority>,
    /// The capabilities that the CA offered before.
    capabilities: Option<&'a Capabilities>,
    /// The request of a certificate whose CertPoll the message answers, with its index.
    origin: Option<(usize, &'a Facts)>,
}

/// A request that is a message, and its reply if it is there.
struct Answer<'a> {
    response: Option<&'a Piece>,
}

fn answer(pieces: &[Piece], at: usize) -> Option<Answer<'_>> {
    let piece = &pieces[at];
    let is_request = piece.sender == Some(End::Client) && is_message(piece);
    let response = pieces.iter().find(|other| other.answers == Some(at));
    is_request.then_some(Answer { response })
}

/// True for a PKIOperation, whatever its content.
fn is_message(piece: &Piece) -> bool {
    piece.facts.is_some() || matches!(piece.operation(), Some(Operation::PkiOperation(_)))
}

/// The capabilities that came last before a message, or else anywhere.
fn offered(pieces: &[Piece], at: usize) -> Option<&Capabilities> {
    let of = |piece: &Piece| matches!(piece.body.inner(), Body::Capabilities(_));
    let before = pieces[..at].iter().rev().find(|piece| of(piece));
    let found = before.or_else(|| pieces.iter().find(|piece| of(piece)))?;
    match found.body.inner() {
        Body::Capabilities(read) => Some(read),
        _ => None,
    }
}
