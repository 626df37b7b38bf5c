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

use self::{authority::Authority, verdict::Known};
use crate::{
    body::Body,
    explanation::{Layer, Part, Severity, Verdict},
    item::Extent,
    knowledge::Knowledge,
    layer::Facts,
    sent_message::SentMessage,
};

/// Adds what the messages show together to the findings of each, and says who is wrong.
pub(crate) fn conversation(
    messages: &[SentMessage],
    knowledge: &Knowledge,
    parts: &mut [Part],
) -> Verdict {
    let authority = Authority::of(messages, knowledge);
    for (at, message) in messages.iter().enumerate() {
        let asked_wrongly = message.answers.is_some_and(|request| is_wrong(&parts[request]));
        let findings = &mut parts[at].findings;
        let asked = message.answers.map(|request| &messages[request]);
        findings.extend(http::findings(message, asked, asked_wrongly));
        let conversation = Conversation {
            knowledge,
            authority: authority.as_ref(),
            capabilities: offered(messages, at),
            origin: message.answers.and_then(|request| course::origin(messages, request)),
        };
        if let Some(answer) = answer(messages, at) {
            findings.extend(request::findings(message, answer.response, &conversation));
            findings.extend(course::of_request(messages, at));
        }
        match asked.filter(|asked| is_message(asked)) {
            Some(asked) => {
                findings.extend(course::of_reply(messages, at));
                findings.extend(reply::findings(asked, message, &conversation));
            }
            None if message.sender == Some(End::Client) => {}
            None => findings.extend(reply::findings_alone(message, &conversation)),
        }
        if matches!(asked.and_then(SentMessage::operation), Some(Operation::GetCaCert(_)))
            && !message.is_unjudged()
        {
            findings.extend(authority::findings(message, knowledge));
        }
        if let Some(authority) = &authority {
            findings.extend(authority::of_next_ca(message, authority));
        }
        if message.is_unjudged() {
            unjudged(message, &mut parts[at]);
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
    verdict::verdict(messages, parts, Known { knowledge, ca: authority.is_some() })
}

/// Takes back what is said to be wrong with the content of a message: what the input lacks is nobody's mistake.
fn unjudged(message: &SentMessage, part: &mut Part) {
    fn soften(layer: &mut Layer) {
        for finding in layer.findings.iter_mut().filter(|it| it.severity == Severity::Wrong) {
            finding.severity = Severity::Note;
            finding.advice = None;
        }
        layer.inside.iter_mut().for_each(soften);
    }
    if message.extent == Extent::Partial && message.bytes.is_empty() {
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
    response: Option<&'a SentMessage>,
}

fn answer(messages: &[SentMessage], at: usize) -> Option<Answer<'_>> {
    let message = &messages[at];
    let is_request = message.sender == Some(End::Client) && is_message(message);
    let response = messages.iter().find(|other| other.answers == Some(at));
    is_request.then_some(Answer { response })
}

/// True for a PKIOperation, whatever its content.
fn is_message(message: &SentMessage) -> bool {
    message.facts.is_some() || matches!(message.operation(), Some(Operation::PkiOperation(_)))
}

/// The capabilities that came last before a message, or else anywhere.
fn offered(messages: &[SentMessage], at: usize) -> Option<&Capabilities> {
    let of = |message: &SentMessage| matches!(message.body.inner(), Body::Capabilities(_));
    let before = messages[..at].iter().rev().find(|message| of(message));
    let found = before.or_else(|| messages.iter().find(|message| of(message)))?;
    match found.body.inner() {
        Body::Capabilities(read) => Some(read),
        _ => None,
    }
}
