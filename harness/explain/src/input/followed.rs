//! Exports of one conversation with both directions: `curl --trace`, and "Follow TCP stream" of Wireshark and tshark.

mod wireshark;

use super::{
    budget::Budget,
    dump,
    http::{self, End},
    reading::{Part, Reading},
    text::{lines, short},
};
use crate::item::Content;

/// The bytes of both directions.
#[derive(Debug, Default, PartialEq, Eq)]
struct Conversation {
    form: &'static str,
    /// The ends in the order in which the export has them, and their addresses if it names them.
    ends: [Peer; 2],
}

/// One end, and what it sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Peer {
    address: Option<String>,
    sent: Vec<u8>,
}

/// The exchanges in an export.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let Some(text) = short(bytes) else { return Reading::No };
    if text.contains("=> Send header") {
        return match trace(text, budget) {
            Some(conversation) => exchanges(conversation, budget),
            None => Reading::Stop(
                "the output of `curl --trace-ascii`, which leaves out all bytes that are no text; `curl --trace FILE` writes them"
                    .to_owned(),
            ),
        };
    }
    match wireshark::conversation(text, budget) {
        Some(conversation) => exchanges(conversation, budget),
        None => Reading::No,
    }
}

/// The dumps in the output of `curl --trace`, joined by the direction that is named before each.
fn trace(text: &str, budget: &mut Budget) -> Option<Conversation> {
    let direction = |line: &str| match line {
        _ if line.contains("=> Send header") || line.contains("=> Send data") => Some(0),
        _ if line.contains("<= Recv header") || line.contains("<= Recv data") => Some(1),
        _ => None,
    };
    let is_label = |line: &str| line.contains("=> ") || line.contains("<= ");
    let labels: Vec<(usize, Option<usize>)> = lines(text)
        .filter(|line| is_label(line.text))
        .map(|line| (line.number, direction(line.text)))
        .collect();
    let mut conversation =
        Conversation { form: "output of `curl --trace`", ..Conversation::default() };
    for block in dump::blocks(text, budget) {
        let before = labels.partition_point(|(number, _)| *number < block.lines.0);
        let label = before.checked_sub(1).and_then(|label| labels[label].1);
        if let Some(direction) = label {
            conversation.ends[direction].sent.extend(block.bytes);
        }
    }
    let is_empty = conversation.ends.iter().all(|end| end.sent.is_empty());
    (!is_empty).then_some(conversation)
}

fn exchanges(conversation: Conversation, budget: &mut Budget) -> Reading {
    let Conversation { form, ends } = conversation;
    let [mut client, mut server] = ends;
    if http::starts(&server.sent) && !server.sent.starts_with(b"HTTP/") {
        (client, server) = (server, client);
    }
    let mut messages = http::messages(&client.sent, End::Closed, budget);
    messages.extend(http::messages(&server.sent, End::Closed, budget));
    let mut parts = Vec::new();
    for (number, (mut exchange, _)) in (1..).zip(http::in_order(messages)) {
        exchange.client.clone_from(&client.address);
        if server.address.is_some() {
            exchange.server.clone_from(&server.address);
        }
        let form = format!("{form}, {}", http::form(&exchange));
        let part = Part::found(form, Content::Exchange(exchange));
        parts.push(part.at(format!("exchange {number}")));
    }
    Reading::of(parts)
}
