//! The exchange that a failure is about.

use recording::Exchange;
use results::{FailedMessage, MessageInShort, requirement::End};

use crate::{
    explain,
    input::recorded_item,
    item::{Content, InputItem},
    knowledge::Knowledge,
    text,
};

/// The messages of the last one of these exchanges: its request, and its reply or the reason why there is none. The others tell more about
/// it, such as the names of its signers, and so do the keys that are known. Every text goes through `mask`.
pub fn failed_exchange(
    exchanges: Vec<Exchange>,
    knowledge: &Knowledge,
    mask: &dyn Fn(&str) -> String,
) -> Vec<FailedMessage> {
    let pki = exchanges.last().and_then(|last| last.pki.clone());
    let items: Vec<InputItem> = exchanges.into_iter().map(recorded_item).collect();
    let Some(Content::Exchange(last)) = items.last().map(|last| &last.content) else {
        return Vec::new();
    };
    let count = usize::from(last.request.is_some()) + usize::from(last.reply.is_some());
    let is_unanswered = last.reply.is_none() && !last.gaps.is_empty();
    let unanswered = is_unanswered
        .then(|| last.gaps.iter().map(ToString::to_string).collect::<Vec<String>>().join("; "));
    let mut explanation = explain(items, knowledge);
    explanation.rewrite(mask);
    let first = explanation.messages.len().saturating_sub(count);
    let mut messages: Vec<FailedMessage> = Vec::new();
    for part in explanation.messages.drain(first..) {
        let layers = text::content(&part);
        messages.push(FailedMessage { pki: pki.clone(), short: part.short, layers });
    }
    messages.extend(unanswered.map(|why| FailedMessage {
        pki,
        short: MessageInShort {
            sender: Some(End::Server),
            what: mask(&why),
            ..MessageInShort::default()
        },
        layers: Vec::new(),
    }));
    messages
}
