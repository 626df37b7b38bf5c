//! The coding of a body, and what programs on its way did to it.

use recording::{Extent, field};

use super::{Found, Message};
use crate::input::{budget::Budget, gzip};

/// The replacement character, which an editor or a terminal puts in the place of bytes that are no text.
const REPLACEMENT: &[u8] = b"\xef\xbf\xbd";

/// Decodes the body of a message.
pub(super) fn decode(found: &mut Found, budget: &mut Budget) {
    let (fields, body, extent) = match &mut found.message {
        Message::Request(it) => (&it.fields, &mut it.body, &mut it.extent),
        Message::Reply(it) => (&it.fields, &mut it.body, &mut it.extent),
    };
    if !budget.take_bytes(body.len()) {
        body.clear();
        return;
    }
    if let Some(coding) = field(fields, "content-encoding") {
        let coding = coding.trim().to_ascii_lowercase();
        found.gaps.extend(inflate(body, &coding, budget));
    }
    let replaced = body.windows(REPLACEMENT.len()).filter(|three| *three == REPLACEMENT);
    // A text may have one; ASN.1 has none by chance.
    if body.starts_with(&[0x30]) && replaced.count() > 2 {
        found.gaps.push(
            "the body went through a program that replaces what is no text by U+FFFD, so its bytes are lost"
                .to_owned(),
        );
        *extent = Extent::Partial;
    }
}

/// Decodes bytes; returns what is missing or odd.
fn inflate(body: &mut Vec<u8>, coding: &str, budget: &mut Budget) -> Option<String> {
    if matches!(coding, "" | "identity") || body.is_empty() {
        return None;
    }
    let Some(inflated) = gzip::decoded(body, coding, budget) else {
        let is_token = coding.len() <= 32 && coding.bytes().all(|byte| byte.is_ascii_graphic());
        let named =
            if is_token { format!("as `{coding}`, which") } else { "in a way that".to_owned() };
        return Some(format!("the body is coded {named} is not decoded here"));
    };
    if inflated.bytes.is_empty() && inflated.stopped.is_some() {
        return Some(format!("the body is not {coding}, although its head says so"));
    }
    *body = inflated.bytes;
    inflated.stopped.map(|reason| format!("the body in {coding}: {reason}"))
}
