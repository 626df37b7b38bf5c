//! HTTP messages as text: one, or several after one another, with a body of any bytes.
//!
//! A parser that keeps to the standard refuses the heads that people ask about, so this one reads on and says what was odd.

mod body;
mod head;
mod pair;

use self::{
    body::{Body, body},
    head::{Head, Start},
};
pub(super) use self::{
    head::starts,
    pair::{exchange, in_order, is_interim},
};
use super::{
    budget::Budget,
    reading::{Part, Reading},
    text::LineCounter,
};
use crate::exhibit::{Content, Exchange, Extent, Reply, Request};

/// The most messages in one input or on one connection.
pub(super) const MAX_MESSAGES: usize = 1000;

/// What follows the bytes that a message is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is known: it is a text.
    Text,
    /// The end of the connection.
    Closed,
    /// The end of the capture, while the connection was open.
    Open,
    /// So many bytes that were not captured.
    Lost(u64),
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    Request(Request),
    Reply(Reply),
}

/// A message, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) message: Message,
    /// What is missing or odd, in sentences.
    pub(super) gaps: Vec<String>,
    /// How many bytes it has, as far as they are there.
    pub(super) length: usize,
    /// How many further bytes belong to it, if its head says so.
    pub(super) missing: u64,
}

/// The messages in a text.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    let found = messages(bytes, End::Text, budget);
    let mut counter = LineCounter::of(bytes);
    let mut parts = Vec::new();
    for (exchange, at) in in_order(found) {
        let line = counter.line_at(at);
        let part = Part::found(form(&exchange), Content::Exchange(exchange));
        parts.push(if line == 1 { part } else { part.at(format!("line {line}")) });
    }
    Reading::of(parts)
}

/// What an exchange has, in words.
pub(super) fn form(exchange: &Exchange) -> &'static str {
    match (&exchange.request, &exchange.reply) {
        (Some(_), Some(_)) => "HTTP request and reply",
        (Some(_), None) => "HTTP request",
        (None, Some(_)) => "HTTP reply",
        (None, None) => "HTTP",
    }
}

/// All messages, with their places. Bytes between them are left out.
pub(super) fn messages(bytes: &[u8], end: End, budget: &mut Budget) -> Vec<(usize, Found)> {
    let mut messages = Vec::new();
    let mut at = 0;
    while let Some(start) = next_start(bytes, at) {
        let Some(found) = message(&bytes[start..], end, budget) else { break };
        at = start + found.length.max(1);
        messages.push((start, found));
        if messages.len() == MAX_MESSAGES || budget.exceeded().is_some() {
            break;
        }
    }
    messages
}

/// The place of the next first line of a message, which is at the beginning of a line or right at `from`.
pub(super) fn next_start(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < bytes.len() {
        if starts(&bytes[at..]) {
            return Some(at);
        }
        at += bytes[at..].iter().position(|byte| *byte == b'\n')? + 1;
    }
    None
}

/// The message that the bytes begin with.
pub(super) fn message(bytes: &[u8], end: End, budget: &mut Budget) -> Option<Found> {
    let Head { start, fields, length, mut gaps, is_cut } = head::read(bytes, end)?;
    let Body { bytes: body, length: body_length, missing, extent, gaps: further } =
        body(&bytes[length..], &start, &fields, end, budget);
    gaps.extend(further);
    let extent = if is_cut { Extent::Partial } else { extent };
    let message = match start {
        Start::Request { method, target } => {
            Message::Request(Request { method, target, fields, body, extent, ..Request::default() })
        }
        Start::Reply { status } => {
            let status = Some(status);
            Message::Reply(Reply { status, fields, body, extent, ..Reply::default() })
        }
    };
    Some(Found { message, gaps, length: length + body_length, missing })
}

/// The value of the first field of this name.
fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    field.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests;
