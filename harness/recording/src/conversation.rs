//! The exchanges of one connection, from the bytes of both directions.

use std::collections::VecDeque;
use std::time::SystemTime;

use crate::exchange::{End, Exchange, Extent, Gap, Reply, Request};
use crate::held::Budget;
use crate::message::{FirstLine, Head, Kind, Message, Reader};

/// Limit of requests that wait for their replies.
const MOST_WAITING: usize = 64;

/// The exchanges of a connection so far.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// What is known of each exchange before it begins.
    template: Exchange,
    requests: Reader,
    replies: Reader,
    /// Requests without a reply yet, the first one first.
    waiting: VecDeque<Message>,
    /// How the other end of the connection ended it, if it did.
    ended: Option<String>,
    /// True after a request that was answered before it was complete: the rest of it is no request.
    is_early: bool,
}

/// The exchanges in the bytes of one connection: pieces of what each end sent, in their order, with their times.
pub fn exchanges_of<'a>(
    seen_by: End,
    pieces: impl IntoIterator<Item = (End, &'a [u8], SystemTime)>,
) -> Vec<Exchange> {
    let template = Exchange { connection: 1, seen_by: Some(seen_by), ..Exchange::default() };
    let mut conversation = Conversation::new(template, &Budget::default());
    let (mut exchanges, mut last) = (Vec::new(), SystemTime::UNIX_EPOCH);
    for (by, bytes, at) in pieces {
        exchanges.extend(conversation.read(by, bytes, at));
        last = at;
    }
    exchanges.extend(conversation.end(last));
    exchanges
}

impl Conversation {
    pub(crate) fn new(template: Exchange, budget: &Budget) -> Self {
        Self {
            template,
            requests: Reader::new(Kind::Request, budget.clone()),
            replies: Reader::new(Kind::Reply, budget.clone()),
            waiting: VecDeque::new(),
            ended: None,
            is_early: false,
        }
    }

    /// Reads bytes that this end received or sent, and returns the exchanges that they complete.
    pub(crate) fn read(&mut self, by: End, bytes: &[u8], at: SystemTime) -> Vec<Exchange> {
        match by {
            End::Client if self.is_early => Vec::new(),
            End::Client => self.read_requests(bytes, at),
            End::Server => self.read_replies(bytes, at),
        }
    }

    fn read_requests(&mut self, mut bytes: &[u8], at: SystemTime) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        while !bytes.is_empty() {
            let (rest, request) = self.requests.read(bytes, at, None);
            self.waiting.extend(request);
            if self.waiting.len() > MOST_WAITING
                && let Some(oldest) = self.waiting.pop_front()
            {
                let why = "there is no reply yet, and too many further requests came".to_owned();
                exchanges.push(self.without_reply(oldest, Gap::Other(why)));
            }
            bytes = rest;
        }
        exchanges
    }

    fn read_replies(&mut self, mut bytes: &[u8], at: SystemTime) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        while !bytes.is_empty() {
            let method = self.waiting.front().and_then(|request| match &request.head.line {
                FirstLine::Request { method, .. } => Some(method.clone()),
                _ => None,
            });
            let (rest, reply) = self.replies.read(bytes, at, method.as_deref());
            exchanges.extend(reply.map(|reply| self.answered(reply)));
            bytes = rest;
        }
        exchanges
    }

    /// Records that the other end of the connection ended it.
    pub(crate) fn ended(&mut self, how: impl FnOnce() -> String) {
        self.ended.get_or_insert_with(how);
    }

    /// The exchanges that the end of the connection completes or breaks off.
    pub(crate) fn end(&mut self, now: SystemTime) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        let how = self.how_it_ended();
        if let Some(mut reply) = self.replies.end() {
            reply.gap = reply.gap.map(|gap| format!("{gap}; {how}"));
            self.fit_extent(&mut reply, End::Server);
            exchanges.push(self.answered(reply));
        }
        while let Some(request) = self.waiting.pop_front() {
            let waited = now.duration_since(request.last_at).unwrap_or_default().as_secs_f64();
            let gap = format!("no reply came in {waited:.1} s; {how}");
            exchanges.push(self.without_reply(request, Gap::Unanswered(gap)));
        }
        if let Some(mut request) = self.requests.end() {
            self.fit_extent(&mut request, End::Client);
            let gap = Gap::Unanswered(format!("there is no reply; {how}"));
            exchanges.push(self.without_reply(request, gap));
        }
        exchanges
    }

    /// A message that broke off because the connection ended was cut by its sender only if that is who ended it.
    fn fit_extent(&self, message: &mut Message, sender: End) {
        let is_by_other = self.ended.is_some();
        let is_by_sender = (self.template.seen_by == Some(sender)) != is_by_other;
        if message.extent == Extent::CutBySender && !is_by_sender {
            message.extent = Extent::Partial;
        }
    }

    fn how_it_ended(&self) -> String {
        let own = match self.template.seen_by {
            Some(End::Client) => "the client",
            Some(End::Server) | None => "the server",
        };
        self.ended.clone().unwrap_or_else(|| format!("{own} ended the connection"))
    }

    /// The exchange of this reply and the first request without one.
    fn answered(&mut self, reply: Message) -> Exchange {
        let request = self.waiting.pop_front().or_else(|| {
            let mut request = self.requests.end()?;
            self.is_early = true;
            request.extent = Extent::Partial;
            if request.head.line != FirstLine::None {
                request.gap = Some("it was answered before it was complete".to_owned());
            }
            Some(request)
        });
        let of_request = match &request {
            Some(request) => request.gap.as_ref().map(|gap| format!("the request: {gap}")),
            None => Some("there was no request before this reply".to_owned()),
        };
        let of_reply = reply.gap.as_ref().map(|gap| format!("the reply: {gap}"));
        let gaps = of_request.into_iter().chain(of_reply).map(Gap::Other).collect();
        Exchange {
            at: Some(request.as_ref().map_or(reply.first_at, |it| it.first_at)),
            replied_at: Some(reply.last_at),
            request: request.map(into_request),
            reply: Some(into_reply(reply)),
            gaps,
            ..self.template.clone()
        }
    }

    fn without_reply(&self, request: Message, why: Gap) -> Exchange {
        let own = request.gap.as_ref().map(|gap| Gap::Other(format!("the request: {gap}")));
        let gaps = own.into_iter().chain([why]).collect();
        let at = Some(request.first_at);
        Exchange { at, request: Some(into_request(request)), gaps, ..self.template.clone() }
    }
}

pub(crate) fn into_request(message: Message) -> Request {
    let extent = message.extent;
    let (Head { bytes: head, line, fields }, body) = message.into_parts();
    let (method, target) = match line {
        FirstLine::Request { method, target } => (method, target),
        FirstLine::Reply { .. } | FirstLine::None => Default::default(),
    };
    Request { head, method, target, fields, body, extent }
}

fn into_reply(message: Message) -> Reply {
    let extent = message.extent;
    let (Head { bytes: head, line, fields }, body) = message.into_parts();
    let status = match line {
        FirstLine::Reply { status } => Some(status),
        FirstLine::Request { .. } | FirstLine::None => None,
    };
    Reply { head, status, fields, body, extent }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn conversation(seen_by: End) -> Conversation {
        let template = Exchange { seen_by: Some(seen_by), ..Exchange::default() };
        Conversation::new(template, &Budget::default())
    }

    const GET: &[u8] = b"GET /a HTTP/1.1\r\n\r\n";
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";

    fn after(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn replies_belong_to_requests_in_their_order() {
        let mut conversation = conversation(End::Server);
        assert!(conversation.read(End::Client, &GET.repeat(2), after(1)).is_empty());
        let both = conversation.read(End::Server, &OK.repeat(2), after(2));
        assert_eq!(both.len(), 2);
        for exchange in both {
            assert_eq!((exchange.at, exchange.replied_at), (Some(after(1)), Some(after(2))));
            assert_eq!(exchange.request.unwrap().target, "/a");
            assert_eq!(exchange.reply.unwrap().body, b"x");
            assert!(exchange.gaps.is_empty());
        }
        assert!(conversation.end(after(3)).is_empty());
    }

    #[test]
    fn missing_reply_has_its_reason() {
        for (seen_by, ended, expected) in [
            (End::Server, None, "no reply came in 4.0 s; the server ended the connection"),
            (End::Client, None, "no reply came in 4.0 s; the client ended the connection"),
            (
                End::Server,
                Some("the client closed it"),
                "no reply came in 4.0 s; the client closed it",
            ),
        ] {
            let mut conversation = conversation(seen_by);
            conversation.read(End::Client, GET, after(1));
            if let Some(how) = ended {
                conversation.ended(|| how.to_owned());
            }
            let exchanges = conversation.end(after(5));
            assert_eq!(exchanges.len(), 1);
            assert_eq!(exchanges[0].gaps, [Gap::Unanswered(expected.to_owned())]);
            assert_eq!(exchanges[0].reply, None);
        }
    }

    #[test]
    fn reply_that_breaks_off_is_kept_as_far_as_it_came() {
        let mut conversation = conversation(End::Server);
        conversation.read(End::Client, GET, after(1));
        let part = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
        assert!(conversation.read(End::Server, part, after(2)).is_empty());
        let exchanges = conversation.end(after(2));
        let gap = "the reply: it broke off after 3 of 9 bytes of its body; the server ended the connection";
        assert_eq!(exchanges[0].gaps, [Gap::Other(gap.to_owned())]);
        let reply = exchanges[0].reply.as_ref().unwrap();
        assert_eq!((&reply.body[..], reply.extent), (&b"abc"[..], Extent::CutBySender));
    }

    #[test]
    fn reply_is_cut_by_its_sender_only_if_that_ended_the_connection() {
        for (seen_by, other_ended, extent) in [
            (End::Server, false, Extent::CutBySender),
            (End::Server, true, Extent::Partial),
            (End::Client, false, Extent::Partial),
            (End::Client, true, Extent::CutBySender),
        ] {
            let mut conversation = conversation(seen_by);
            conversation.read(End::Client, GET, after(1));
            conversation.read(End::Server, &OK[..OK.len() - 1], after(1));
            if other_ended {
                conversation.ended(|| "it ended".to_owned());
            }
            let exchanges = conversation.end(after(2));
            let reply = exchanges[0].reply.as_ref().unwrap();
            assert_eq!(reply.extent, extent, "{seen_by:?} {other_ended}");
        }
    }

    #[test]
    fn request_that_is_answered_early_is_kept_as_far_as_it_came() {
        let mut conversation = conversation(End::Server);
        conversation.read(
            End::Client,
            b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            after(1),
        );
        let exchanges = conversation.read(End::Server, OK, after(2));
        assert!(conversation.read(End::Client, b"defghi", after(2)).is_empty());
        assert!(conversation.end(after(3)).is_empty());
        let gap = Gap::Other("the request: it was answered before it was complete".to_owned());
        assert_eq!(exchanges[0].gaps, [gap]);
        assert_eq!(exchanges[0].request.as_ref().unwrap().body, b"abc");
    }

    #[test]
    fn connection_without_bytes_has_no_exchange() {
        assert!(conversation(End::Server).end(after(1)).is_empty());
    }
}
