//! HTTP messages as text: one, or several after one another, with a body of any bytes.

mod coding;
mod pair;

use recording::first_message;
pub(super) use recording::{
    Ending as End, Found, HttpMessage as Message, field, next_start, starts,
};

pub(super) use self::pair::{exchange, in_order, is_interim};
use super::{
    budget::Budget,
    reading::{Part, Reading},
    text::LineCounter,
};
use crate::item::{Content, Exchange};

/// The most messages in one input or on one connection.
pub(super) const MAX_MESSAGES: usize = 1000;

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

/// The message that the bytes begin with.
pub(super) fn message(bytes: &[u8], end: End, budget: &mut Budget) -> Option<Found> {
    let mut found = first_message(bytes, end)?;
    coding::decode(&mut found, budget);
    Some(found)
}

#[cfg(test)]
mod tests;
