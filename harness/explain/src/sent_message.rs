//! The messages one by one, and which of them answers which.

use std::time::SystemTime;

use redact::Masker;
use results::requirement::End;
use scep::{
    attribute::MessageType,
    content::text,
    http::{HttpError, HttpRequest, HttpResponse, Method, Operation},
};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::{
    body::Body,
    item::{Content, Exchange, Extent, Gap, InputItem, Reply, Request, Subject, subject},
    layer::Facts,
};

/// A message, and what is around it.
pub(crate) struct SentMessage {
    pub(crate) origin: String,
    pub(crate) taken_for: Vec<String>,
    /// The end that sent it, if HTTP or its type tells.
    pub(crate) sender: Option<End>,
    pub(crate) http: Http,
    /// The time of the exchange, if the input tells it.
    pub(crate) at: Option<SystemTime>,
    pub(crate) gaps: Vec<Gap>,
    /// How much of the body is there.
    pub(crate) extent: Extent,
    /// True for HTTP that is not about SCEP, which is shown and not judged.
    pub(crate) is_other: bool,
    pub(crate) client: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Body,
    /// The index of the request that it answers.
    pub(crate) answers: Option<usize>,
    pub(crate) facts: Option<Facts>,
}

/// The HTTP around a message.
pub(crate) enum Http {
    None,
    Request(HttpRequest, String, Result<Operation, HttpError>),
    Reply(HttpResponse),
}

/// The messages of all items, in their order.
pub(crate) fn messages(items: Vec<InputItem>) -> Vec<SentMessage> {
    let mut messages: Vec<SentMessage> = Vec::new();
    for InputItem { taken_for, origin, content } in items {
        let blank = |bytes: Vec<u8>, body: Body, http: Http, sender: Option<End>| SentMessage {
            origin: origin.clone(),
            taken_for: taken_for.clone(),
            sender,
            http,
            at: None,
            gaps: Vec::new(),
            extent: Extent::Whole,
            is_other: false,
            client: None,
            server: None,
            bytes,
            body,
            answers: None,
            facts: None,
        };
        match content {
            Content::Bytes(bytes) => {
                let body = Body::of(&bytes, false);
                messages.push(blank(bytes, body, Http::None, None));
            }
            Content::Exchange(exchange) => {
                let is_other = subject(&exchange).is_some_and(|it| it != Subject::Scep);
                let Exchange { at, client, server, request, reply, gaps, .. } = exchange;
                let first = messages.len();
                let asked = request.map(|request| {
                    let extent = request.extent;
                    let (bytes, http) = of_request(request);
                    let body = Body::of(&bytes, false);
                    SentMessage { extent, ..blank(bytes, body, http, Some(End::Client)) }
                });
                let operation = asked.as_ref().and_then(SentMessage::operation).or_else(|| {
                    let before = messages.iter().rev().find(|it| it.sender == Some(End::Client))?;
                    before.operation()
                });
                let is_question = matches!(operation, Some(Operation::GetCaCaps(_)));
                let answered = reply.and_then(|reply| {
                    let (date, extent) = (date(&reply), reply.extent);
                    let response = response(reply)?;
                    let body = Body::of(&response.body, is_question);
                    let bytes = response.body.clone();
                    let message = blank(bytes, body, Http::Reply(response), Some(End::Server));
                    Some((SentMessage { extent, ..message }, date))
                });
                let has_request = asked.is_some();
                let date = answered.as_ref().and_then(|(_, date)| *date);
                let with = |message: SentMessage| SentMessage {
                    at: at.or(date),
                    client: client.clone(),
                    server: server.clone(),
                    is_other,
                    ..message
                };
                messages.extend(asked.map(with));
                if let Some((message, _)) = answered {
                    let answers = has_request.then_some(first);
                    messages.push(SentMessage { answers, ..with(message) });
                }
                if let Some(last) = messages.get_mut(first..).and_then(<[SentMessage]>::last_mut) {
                    last.gaps = gaps;
                }
            }
        }
    }
    fill_times(&mut messages);
    messages
}

/// A message without a time was sent at about that of the next one that has one, or else of the one before it.
fn fill_times(messages: &mut [SentMessage]) {
    let mut next = None;
    for message in messages.iter_mut().rev() {
        message.at = message.at.or(next);
        next = message.at;
    }
    let mut before = None;
    for message in messages {
        message.at = message.at.or(before);
        before = message.at;
    }
}

/// Finds the requests of replies that came without one: by the nonce, by the transaction, or else the nearest one before that has no
/// reply.
pub(crate) fn pair(messages: &mut [SentMessage]) {
    for belongs in [has_nonce_of, has_transaction_of] {
        pair_by(messages, |at, len| (0..at).rev().chain(at + 1..len).collect(), belongs);
    }
    pair_by(messages, |at, _| (0..at).rev().collect(), |_, _| true);
}

/// Gives each reply without a request the first free one of its `candidates` to which it `belongs`.
fn pair_by(
    messages: &mut [SentMessage],
    candidates: fn(usize, usize) -> Vec<usize>,
    belongs: fn(&SentMessage, &SentMessage) -> bool,
) {
    for at in 0..messages.len() {
        if messages[at].sender != Some(End::Server) || messages[at].answers.is_some() {
            continue;
        }
        let is_free = |request: &usize| {
            messages[*request].sender == Some(End::Client)
                && !messages.iter().any(|message| message.answers == Some(*request))
        };
        let mut candidates = candidates(at, messages.len()).into_iter().filter(is_free);
        messages[at].answers =
            candidates.find(|request| belongs(&messages[at], &messages[*request]));
    }
}

/// True if the reply returns the nonce of the request (RFC 8894 §3.2.1.5).
fn has_nonce_of(reply: &SentMessage, request: &SentMessage) -> bool {
    let returned = reply.facts.as_ref().and_then(|it| it.recipient_nonce.as_ref());
    returned.is_some() && returned == request.facts.as_ref().and_then(|it| it.sender_nonce.as_ref())
}

fn has_transaction_of(reply: &SentMessage, request: &SentMessage) -> bool {
    let transaction = |message: &SentMessage| message.facts.as_ref()?.transaction_id.clone();
    transaction(reply).is_some() && transaction(reply) == transaction(request)
}

impl SentMessage {
    /// True if what is wrong with it may come from what the input lacks, or is no matter of SCEP.
    pub(crate) fn is_unjudged(&self) -> bool {
        self.is_other || (self.extent == Extent::Partial && self.facts.is_none())
    }

    /// The operation of a request.
    pub(crate) fn operation(&self) -> Option<Operation> {
        match &self.http {
            Http::Request(_, _, operation) => operation.clone().ok(),
            _ => None,
        }
    }

    /// Masks the secrets in a text that came in place of a message, before anything is cut out of it; true if it had any.
    pub(crate) fn mask(&mut self, masker: &Masker) -> bool {
        const MOST: usize = 64 * 1024;
        if masker.count() == 0 || !matches!(self.body.inner(), Body::Foreign(_)) {
            return false;
        }
        let start = &self.bytes[..self.bytes.len().min(MOST)];
        let Some(text) = text(start) else { return false };
        let without = masker.text(&text);
        if without == text {
            return false;
        }
        self.bytes = without.into_bytes();
        self.body = Body::of(&self.bytes, false);
        if let Http::Reply(response) = &mut self.http {
            response.body.clone_from(&self.bytes);
        }
        true
    }

    pub(crate) fn is(&self, message_type: &MessageType) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.message_type.as_ref() == Some(message_type))
    }
}

fn of_request(request: Request) -> (Vec<u8>, Http) {
    let content_type = field(&request.fields, "content-type");
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path.to_owned(), query.to_owned()),
        None => (request.target.clone(), String::new()),
    };
    let method = match request.method.as_str() {
        "GET" => Ok(Method::Get),
        "POST" => Ok(Method::Post),
        other => Err(HttpError::OtherMethod(other.to_owned())),
    };
    let read = HttpRequest {
        method: method.clone().unwrap_or(Method::Post),
        query,
        content_type,
        body: request.body,
    };
    let operation = method.and_then(|_| Operation::from_http(&read));
    let bytes = match &operation {
        Ok(Operation::PkiOperation(message)) => message.clone(),
        _ => read.body.clone(),
    };
    (bytes, Http::Request(read, format!("{} {path}", request.method), operation))
}

/// The reply; none if it is no HTTP.
fn response(reply: Reply) -> Option<HttpResponse> {
    Some(HttpResponse {
        status: reply.status?,
        content_type: field(&reply.fields, "content-type"),
        location: field(&reply.fields, "location"),
        body: reply.body,
        ..HttpResponse::default()
    })
}

fn field(fields: &[(String, String)], wanted: &str) -> Option<String> {
    recording::field(fields, wanted).map(|value| value.trim().to_owned())
}

/// The time in the `Date` of a reply: `Sun, 29 Nov 2026 12:46:34 GMT` (RFC 9110 §5.6.7).
fn date(reply: &Reply) -> Option<SystemTime> {
    let text = field(&reply.fields, "date")?;
    OffsetDateTime::parse(&text, &Rfc2822).ok().map(SystemTime::from)
}
