//! Who is wrong, in one line.

mod outcome;

use results::requirement::End;
use scep::{
    attribute::{MessageType, PkiStatus},
    http::Operation,
};

use self::outcome::Outcome;
use super::course;
use crate::{
    explanation::{AtFault, Finding, Part, Severity, Verdict},
    knowledge::Knowledge,
    layer::Facts,
    sent_message::SentMessage,
};

/// What is known besides the messages.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) knowledge: &'a Knowledge,
    /// True if a certificate of the CA is known.
    pub(super) ca: bool,
}

/// The verdict about all messages.
pub(super) fn verdict(messages: &[SentMessage], parts: &[Part], known: Known<'_>) -> Verdict {
    let all: Vec<&Finding> = parts.iter().flat_map(Part::all_findings).collect();
    let wrong: Vec<&Finding> =
        all.iter().copied().filter(|it| it.severity == Severity::Wrong).collect();
    let of = |end: Option<End>| wrong.iter().copied().find(|finding| finding.by == end);
    let (at_fault, found) = match (of(Some(End::Client)), of(Some(End::Server)), of(None)) {
        (Some(client), None, _) => (AtFault::Client, vec![client]),
        (None, Some(server), _) => (AtFault::Server, vec![server]),
        (Some(client), Some(server), _) => (AtFault::Both, vec![client, server]),
        (None, None, Some(finding)) => (AtFault::Sender, vec![finding]),
        (None, None, None) => return without_wrong(messages, &all, known),
    };
    let place = Place { messages, parts };
    let reason = match last_reply(messages) {
        Some((at, reply)) if let Some(refusal) = outcome::refusal(reply) => {
            let places = found.iter().map(|finding| place.after_refusal(finding, at));
            let places: Vec<String> = places.collect();
            format!("{} was refused: {refusal}; {}", request_of(messages, at), places.join("; "))
        }
        _ => match &found[..] {
            [client, server] => {
                format!("the client: {}; the server: {}", place.told(client), place.told(server))
            }
            _ => place.told(found[0]),
        },
    };
    let advice = found[0].advice.iter().cloned();
    let next = advice.chain(place.signed_outside_validity(found[0])).collect();
    Verdict { at_fault, reason, basis: found[0].basis.clone(), next }
}

/// The messages, to name the one of a finding.
struct Place<'a> {
    messages: &'a [SentMessage],
    parts: &'a [Part],
}

impl Place<'_> {
    /// The index of the message that has a finding.
    fn of(&self, finding: &Finding) -> Option<usize> {
        let is_there =
            |part: &Part| part.all_findings().iter().any(|it| std::ptr::eq(*it, finding));
        self.parts.iter().position(is_there)
    }

    /// What is unusual about the time of a request, if the finding is that the server answers it wrongly: perhaps it refuses it for that.
    fn signed_outside_validity(&self, finding: &Finding) -> Option<String> {
        let reply = self.of(finding).filter(|_| finding.by == Some(End::Server))?;
        let asked = &self.messages[self.messages[reply].answers?];
        let words = asked.facts.as_ref()?.signed_outside_validity()?;
        Some(format!("perhaps the server refuses the request because {words}"))
    }

    /// The number and kind of a message: `#6 (CertRep)`.
    fn name(&self, at: usize) -> String {
        let message_type = self.messages[at].facts.as_ref().and_then(|it| it.message_type.as_ref());
        let known = message_type.filter(|it| !matches!(it, MessageType::Other(_)));
        let kind = match (known, self.messages[at].answers, &self.parts[at].exchange) {
            (Some(known), ..) => format!(" ({known})"),
            (None, Some(request), _) => format!(" (the reply to #{})", request + 1),
            (None, None, Some(exchange)) => format!(" ({exchange})"),
            (None, None, None) => String::new(),
        };
        format!("#{}{kind}", at + 1)
    }

    /// A finding, with its message if there are more than a request and its reply.
    fn told(&self, finding: &Finding) -> String {
        match self.of(finding) {
            Some(at) if self.messages.len() > 2 => {
                format!("in {}: {}", self.name(at), finding.words)
            }
            _ => finding.words.clone(),
        }
    }

    /// What is wrong besides the refusal in the reply at this index: the event comes first, because it is what the user saw.
    fn after_refusal(&self, finding: &Finding, reply: usize) -> String {
        let words = &finding.words;
        match self.of(finding) {
            Some(place) if place == reply => format!("also wrong in the reply: {words}"),
            Some(place) if Some(place) == self.messages[reply].answers => {
                format!("wrong in the request: {words}")
            }
            Some(place) => format!("also wrong, in {}: {words}", self.name(place)),
            None => format!("also wrong: {words}"),
        }
    }
}

/// The request that the reply at this index decides, with its number if there are several.
fn request_of(messages: &[SentMessage], reply: usize) -> String {
    let is_request =
        |message: &&SentMessage| message.sender == Some(End::Client) && message.facts.is_some();
    match messages[reply].answers {
        Some(at) if messages.iter().filter(is_request).count() > 1 => {
            let asked = course::origin(messages, at).map_or(at, |(origin, _)| origin);
            format!("the request #{}", asked + 1)
        }
        _ => "the request".to_owned(),
    }
}

/// The last reply that is a CertRep, with its index.
fn last_reply(messages: &[SentMessage]) -> Option<(usize, &Facts)> {
    let mut replies = messages.iter().enumerate().rev();
    replies.find_map(|(at, message)| {
        let facts = message.facts.as_ref().filter(|_| message.is(&MessageType::CertRep))?;
        Some((at, facts))
    })
}

fn undecided(at_fault: AtFault, reason: impl Into<String>, next: Vec<String>) -> Verdict {
    Verdict { at_fault, reason: reason.into(), basis: None, next }
}

fn without_wrong(messages: &[SentMessage], all: &[&Finding], known: Known<'_>) -> Verdict {
    if messages.is_empty() {
        return undecided(AtFault::Unknown, "there is no message", Vec::new());
    }
    let odd = unusual(all);
    let verdict = match (outcome::no_answer(messages), last_reply(messages)) {
        (Some(verdict), _) => verdict,
        (None, Some((at, _))) => of_reply(messages, at, known),
        (None, None) => without_reply(messages),
    };
    let is_new = |gap: &String| !verdict.reason.contains(gap.as_str());
    let gaps = messages.iter().flat_map(|message| message.gaps.iter().map(ToString::to_string));
    let gaps: Vec<String> = gaps.filter(is_new).collect();
    Verdict { next: verdict.next.into_iter().chain(gaps).chain(odd).collect(), ..verdict }
}

/// The unusual things that were seen, in words, each once.
fn unusual(all: &[&Finding]) -> Vec<String> {
    const SHOWN: usize = 3;
    let mut odd: Vec<(&str, usize)> = Vec::new();
    for finding in all.iter().filter(|it| it.severity == Severity::Odd) {
        match odd.iter_mut().find(|(words, _)| *words == finding.words) {
            Some((_, count)) => *count += 1,
            None => odd.push((&finding.words, 1)),
        }
    }
    let shown = odd.iter().take(SHOWN).map(|(words, count)| match count {
        1 => format!("unusual: {words}"),
        count => format!("unusual: {words} ({count} times)"),
    });
    let more = odd.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more, marked as odd below"));
    shown.chain(more).collect()
}

/// The verdict about the last reply, or about an earlier one whose signature was not verified.
fn of_reply(messages: &[SentMessage], last: usize, known: Known<'_>) -> Verdict {
    let is_unverified = |message: &SentMessage| {
        let facts = message.facts.as_ref().filter(|_| message.is(&MessageType::CertRep));
        facts.is_some_and(|it| it.unverified.is_some())
    };
    let last_is_refusal =
        messages[last].facts.as_ref().is_some_and(|it| it.pki_status == Some(PkiStatus::Failure));
    let earlier = messages.iter().position(is_unverified).filter(|_| !last_is_refusal);
    let message = &messages[earlier.unwrap_or(last)];
    let request = message.answers.map(|request| &messages[request]);
    match &message.facts {
        Some(reply) => {
            let origin = message.answers.and_then(|request| course::origin(messages, request));
            let origin = origin.map(|(_, origin)| origin);
            let named = request_of(messages, earlier.unwrap_or(last));
            outcome::verdict(&Outcome { reply, request, origin, named, known })
        }
        None => without_reply(messages),
    }
}

/// The verdict about a conversation without a CertRep.
fn without_reply(messages: &[SentMessage]) -> Verdict {
    if messages.iter().all(|message| message.is_other) {
        let reason = "what came is HTTP about something else than SCEP";
        return undecided(AtFault::Unknown, reason, Vec::new());
    }
    let is_partial = |message: &SentMessage| message.is_unjudged() && !message.is_other;
    if let Some(at) = messages.iter().rposition(is_partial) {
        let what = if messages[at].bytes.is_empty() { "nothing" } else { "only a part" };
        let reason = format!("of the body of message {} {what} was handed in", at + 1);
        return undecided(AtFault::Unknown, reason, Vec::new());
    }
    let is_request =
        |message: &&SentMessage| message.sender == Some(End::Client) && message.facts.is_some();
    if let Some(request) = messages.iter().rev().find(is_request) {
        let is_open =
            request.facts.as_ref().and_then(|it| it.envelope.as_ref()).is_some_and(|it| it.is_open);
        let mut next = Vec::new();
        if !is_open {
            next.push("its envelope was not opened: with the key of its recipient, what is requested is looked at, too".to_owned());
        }
        if messages.len() > 1 {
            next.push("there is no reply to it in what was handed in".to_owned());
            return undecided(
                AtFault::Unknown,
                "the request has no reply, and nothing wrong was seen in it",
                next,
            );
        }
        return undecided(
            AtFault::Nobody,
            "the message keeps to the standard as far as it can be seen",
            next,
        );
    }
    let asks = |message: &SentMessage| {
        matches!(message.operation(), Some(Operation::GetCaCaps(_) | Operation::GetCaCert(_)))
    };
    if messages.iter().any(asks) {
        let reason = "the client asked for the CA's capabilities or certificates, was answered, and sent no request after that";
        let next = "the client gave up by itself, or the rest is missing: its own log says why; compare the capabilities and the certificates with what it demands";
        return undecided(AtFault::Unknown, reason, vec![next.to_owned()]);
    }
    undecided(AtFault::Nobody, "what came can be read", Vec::new())
}
