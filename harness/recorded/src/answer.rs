//! The answer to one request, by the recorded one.

use std::sync::Arc;
use std::time::SystemTime;

use recording::{Extent, Received, Reply, Request};
use scep::{Error, attribute::FailInfo, clock::Clock, danger::Template, message::AttributeName};

use crate::asked::Asked;
use crate::authorities::Authorities;
use crate::certificates;
use crate::certrep::{made_again, status_of};
use crate::compare::differences;
use crate::difference::{About, Difference};
use crate::grant::{Granting, Question};
use crate::script::{Found, Kind, Progress, Script, Step, kind_of};
use crate::wire::{Wire, has_whole_head, wire, words};

/// A request, the recorded exchange that answers it, and what is other than in the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The time of the answer.
    pub at: SystemTime,
    /// The client.
    pub peer: String,
    /// What it asked for: `GetCACaps`, `PKCSReq`, or a method and path.
    pub asked: String,
    /// Number of the recorded exchange, from 1; none if there is none of that kind.
    pub exchange: Option<usize>,
    /// The answer in words.
    pub answer: String,
    /// True if the answer is not the recorded bytes.
    pub is_made_again: bool,
    /// What is other than in the recording.
    pub differences: Vec<Difference>,
}

impl Served {
    fn differs(&mut self, about: About, what: String) {
        self.differences.push(Difference::new(about, what));
    }
}

/// What a server is made of.
pub(crate) struct Parts<'a> {
    pub(crate) script: &'a Script,
    pub(crate) progress: &'a mut Progress,
    pub(crate) authorities: &'a mut Authorities,
    pub(crate) clock: &'a Clock,
}

/// The answer to a request; without bytes if the recorded server gave none.
pub(crate) fn answer(
    parts: &mut Parts<'_>,
    received: &Received,
    peer: &str,
) -> (Option<Wire>, Served) {
    let request = &received.request;
    let (kind, message) = kind_of(request);
    let now = parts.clock.now();
    let mut served = Served {
        at: now,
        peer: peer.to_owned(),
        asked: kind.to_string(),
        exchange: None,
        answer: String::new(),
        is_made_again: false,
        differences: Vec::new(),
    };
    let recipients = if message.is_some() { parts.authorities.recipients() } else { Vec::new() };
    let asked = message.and_then(|message| Asked::read(&message, &recipients)).map(Arc::new);
    let Some(found) = parts.progress.find(parts.script, &kind, asked.as_ref()) else {
        return (Some(not_recorded(parts.script, &kind, now, &mut served)), served);
    };
    let step = &parts.script.steps[found.step];
    served.exchange = Some(step.number);
    if found.is_repeated {
        let more = "came more often than it was recorded";
        let what = format!("{kind} {more}: exchange {} answers again", step.number);
        served.differs(About::Order, what);
    }
    served.differences.extend(compared(step, request, received, asked.as_deref()));
    let Some(reply) = &step.exchange.reply else {
        "no answer".clone_into(&mut served.answer);
        return (None, served);
    };
    let body = body(parts, found, asked.as_ref(), reply, &mut served);
    let broke_off = reply.extent != Extent::Whole;
    let mut wire = wire(reply, body.as_deref().unwrap_or(&reply.body), broke_off, now);
    wire.closes |= closes(request);
    (Some(wire), served)
}

/// What is other in a request than in the recorded one.
fn compared<'a>(
    step: &'a Step,
    request: &'a Request,
    received: &'a Received,
    asked: Option<&'a Asked>,
) -> impl Iterator<Item = Difference> + 'a {
    let recorded = step.exchange.request.as_ref();
    let mut found = Vec::new();
    if let Some(recorded) = recorded.filter(|recorded| recorded.method != request.method) {
        found.push(format!("method: {}, recorded was {}", request.method, recorded.method));
    }
    if let (Some(then), Some(now)) = (&step.asked, asked) {
        found.extend(differences(then, now));
    } else if step.asked.is_some() {
        found.push("the message cannot be read, and the recorded one can".to_owned());
    }
    found.extend(received.gap.clone());
    found.into_iter().map(|what| Difference::new(About::Request, format!("{}: {what}", step.kind)))
}

/// The body in place of the recorded one; `None` if it stays as it was.
fn body(
    parts: &mut Parts<'_>,
    found: Found,
    asked: Option<&Arc<Asked>>,
    reply: &Reply,
    served: &mut Served,
) -> Option<Vec<u8>> {
    let kind = &parts.script.steps[found.step].kind;
    served.answer = reply
        .status
        .map_or_else(|| "bytes that are no HTTP".to_owned(), |status| format!("HTTP {status}"));
    if reply.status.is_some() && !has_whole_head(reply) {
        served.answer.push_str(", whose head breaks off");
        return None;
    }
    if let Some(location) = leads_to(reply) {
        let what = format!(
            "exchange {}: clients are sent to `{location}`, as they were: whoever follows leaves this server",
            parts.script.steps[found.step].number
        );
        served.differs(About::Answer, what);
    }
    let made = match (kind, Template::read(&reply.body)) {
        (Kind::Operation(_), _) => certificates::made_again(&reply.body, parts.authorities),
        (Kind::Message(_), Ok(template)) => {
            served.answer = in_words(&template);
            message(parts, found, asked, &template, served).map(Some)
        }
        (Kind::Message(_), Err(_)) | (Kind::Page(_), _) => Ok(None),
    };
    let made = made.unwrap_or_else(|error| {
        let why = "the answer is sent as it was recorded, because it cannot be made again";
        served.differs(About::Answer, format!("{kind}: {why}: {error}"));
        None
    });
    served.is_made_again = made.is_some();
    made
}

/// The address of a redirection.
fn leads_to(reply: &Reply) -> Option<String> {
    let is_redirection = reply.status.is_some_and(|status| (300..400).contains(&status));
    let location = recording::field(&reply.fields, "location").filter(|_| is_redirection)?;
    Some(location.escape_debug().to_string())
}

/// A recorded message made again for the request that came.
fn message(
    parts: &mut Parts<'_>,
    found: Found,
    asked: Option<&Arc<Asked>>,
    template: &Template,
    served: &mut Served,
) -> Result<Vec<u8>, Error> {
    let (script, step) = (parts.script, &parts.script.steps[found.step]);
    let asked = asked.ok_or(Error::Misuse("the message of the request cannot be read"))?;
    let transaction = asked.transaction.as_ref().and_then(|id| parts.progress.transaction(id));
    let nonces = transaction.map(|transaction| transaction.nonces.as_slice()).unwrap_or_default();
    let recorded = |step: usize| script.steps[step].asked.as_ref()?.nonce.clone();
    let nonces = nonces.iter().filter_map(|(step, now)| Some((recorded(*step)?, now.clone())));
    // A message without a transaction is in none.
    let own = recorded(found.step).zip(asked.nonce.clone());
    let nonces: Vec<_> = nonces.chain(own).collect();
    let enrolment = transaction.and_then(|transaction| transaction.enrolment.clone());
    let now = Question { message: asked, enrolment: enrolment.as_deref().unwrap_or(asked) };
    let then = step.asked.as_ref().map(|message| Question {
        message,
        enrolment: script.enrolment_of(found.step).unwrap_or(message),
    });
    let later = step.seconds_until(parts.clock.now());
    let mut granting = Granting::new(then, now, parts.authorities, later, parts.clock);
    let made = made_again(template, &nonces, &mut granting);
    for Difference { about, what } in granting.differences {
        served.differs(about, format!("{}: {what}", step.kind));
    }
    made
}

/// A reply in words: `CertRep FAILURE badAlg`.
pub(crate) fn in_words(reply: &Template) -> String {
    let Some(status) = status_of(reply) else {
        return "a signed message without a status".to_owned();
    };
    let fail_info = reply.attribute(AttributeName::FailInfo);
    let fail_info = fail_info.and_then(|octets| String::from_utf8(octets).ok());
    let fail_info = fail_info.map(|text| format!(" {}", FailInfo::from_wire(&text)));
    format!("CertRep {status}{}", fail_info.unwrap_or_default())
}

fn not_recorded(script: &Script, kind: &Kind, now: SystemTime, served: &mut Served) -> Wire {
    let known = script.kinds();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    let text = format!("The recording has no answer to {kind}. It has answers to: {known}.\n");
    "HTTP 501".clone_into(&mut served.answer);
    let what = format!("{kind} was not recorded: it is answered with HTTP 501");
    served.differs(About::Order, what);
    words("501 Not Implemented", &text, now)
}

/// True if the client ends the connection after the answer (RFC 9112 §9.3).
fn closes(request: &Request) -> bool {
    let line = request.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut fields = request.fields.iter();
    let connection = fields.find(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let connection = connection.map(|(_, value)| value.to_ascii_lowercase());
    let is = |word: &str| connection.as_deref() == Some(word);
    is("close") || (line.ends_with(b"HTTP/1.0") && !is("keep-alive"))
}
