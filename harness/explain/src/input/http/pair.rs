//! Requests and replies put together.

use super::{Found, Message, field};
use crate::item::{Exchange, Gap, Reply};

/// An exchange of a request and a reply, one of which may be missing.
pub(in crate::input) fn exchange(request: Option<Found>, reply: Option<Found>) -> Exchange {
    let mut exchange = Exchange::default();
    for (of, found) in [("request: ", request), ("reply: ", reply)] {
        let Some(found) = found else { continue };
        let gaps = found.gaps.into_iter().map(|gap| Gap::Other(format!("{of}{gap}")));
        exchange.gaps.extend(gaps);
        match found.message {
            Message::Request(request) => {
                exchange.server = field(&request.fields, "host").map(str::to_owned);
                exchange.request = Some(request);
            }
            Message::Reply(reply) => exchange.reply = Some(reply),
        }
    }
    exchange
}

/// True for a reply that another one follows, such as `100 Continue`.
pub(in crate::input) fn is_interim(message: &Message) -> bool {
    matches!(message, Message::Reply(Reply { status: Some(100 | 102..=199), .. }))
}

/// The exchanges of messages in the order in which they were written: a reply belongs to the first request without one. Each has the
/// place of its first message.
pub(in crate::input) fn in_order(messages: Vec<(usize, Found)>) -> Vec<(Exchange, usize)> {
    let mut open: Vec<(usize, Option<Found>, Option<Found>)> = Vec::new();
    let mut first_open = 0;
    for (at, found) in messages {
        match &found.message {
            message if is_interim(message) => {}
            Message::Request(_) => open.push((at, Some(found), None)),
            Message::Reply(_) => {
                if let Some((_, _, reply)) = open.get_mut(first_open) {
                    *reply = Some(found);
                } else {
                    open.push((at, None, Some(found)));
                }
                first_open += 1;
            }
        }
    }
    open.into_iter().map(|(at, request, reply)| (exchange(request, reply), at)).collect()
}
