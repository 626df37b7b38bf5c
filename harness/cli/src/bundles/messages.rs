//! Saved messages without what is secret in them in the clear. A message cannot be changed without breaking its signature, so what has a
//! secret is left out as a whole.

use diagnostics::counted;
use model::lab::Secret;
use recording::{Exchange, Recording};
use redact::Masker;
use scep::content::latin_1;

/// The end of each sentence about a body that was taken out, by which readers know that it is nobody's mistake that it is missing.
const TAKEN_OUT: &str = "have a secret in the clear, and are not saved";

/// Takes out what is secret; returns what that was, in sentences.
pub(super) fn without_secrets(
    recording: &mut Recording,
    masker: &Masker,
    secrets: &[Secret],
) -> Vec<String> {
    let mut taken_out = Vec::new();
    for (number, exchange) in (1..).zip(&mut recording.exchanges) {
        let mut note = |what: &str| taken_out.push(format!("exchange {number}: {what}"));
        let reveals = |bytes: &[u8]| reveals(bytes, masker, secrets);
        of_request(exchange, masker, &reveals, &mut note);
        of_reply(exchange, masker, &reveals, &mut note);
    }
    taken_out
}

fn of_request(
    exchange: &mut Exchange,
    masker: &Masker,
    reveals: &impl Fn(&[u8]) -> bool,
    note: &mut impl FnMut(&str),
) {
    let Exchange { request: Some(request), gaps, .. } = exchange else { return };
    if mask_head(&mut request.head, masker) {
        request.target = masker.text(&request.target);
        mask_fields(&mut request.fields, masker);
        note("the head of the request is masked: it had a password or a login");
    }
    if let Some(gap) = take_out(&mut request.body, "request", reveals) {
        note(&gap);
        gaps.push(gap);
    }
}

fn of_reply(
    exchange: &mut Exchange,
    masker: &Masker,
    reveals: &impl Fn(&[u8]) -> bool,
    note: &mut impl FnMut(&str),
) {
    let Exchange { reply: Some(reply), gaps, .. } = exchange else { return };
    if mask_head(&mut reply.head, masker) {
        mask_fields(&mut reply.fields, masker);
        note("the head of the reply is masked: it had a password or a login");
    }
    if let Some(gap) = take_out(&mut reply.body, "reply", reveals) {
        note(&gap);
        gaps.push(gap);
    }
}

/// Masks a head; true if it had a secret.
fn mask_head(head: &mut Vec<u8>, masker: &Masker) -> bool {
    let text = String::from_utf8_lossy(head);
    let shown = masker.text(&text);
    let is_changed = shown != text;
    if is_changed {
        *head = shown.into_bytes();
    }
    is_changed
}

fn mask_fields(fields: &mut [(String, String)], masker: &Masker) {
    for (_, value) in fields {
        *value = masker.text(value);
    }
}

/// Takes out a body that has a secret; the sentence about that.
fn take_out(body: &mut Vec<u8>, side: &str, reveals: impl Fn(&[u8]) -> bool) -> Option<String> {
    if body.is_empty() || !reveals(body) {
        return None;
    }
    let count = counted(body.len(), "byte");
    body.clear();
    Some(format!("{count} of the body of the {side} {TAKEN_OUT}"))
}

/// True if bytes have a secret, in whatever form.
fn reveals(bytes: &[u8], masker: &Masker, secrets: &[Secret]) -> bool {
    // A secret of a few characters is masked in texts only where it is a word. In a structure it may be beside anything.
    let has = |secret: &Secret| {
        let secret = secret.expose().as_bytes();
        secret.len() >= SHORTEST && bytes.windows(secret.len()).any(|window| window == secret)
    };
    let text = String::from_utf8_lossy(bytes);
    secrets.iter().any(has) || masker.text(&text) != text || {
        let text = latin_1(bytes);
        masker.text(&text) != text
    }
}

/// The length of a secret from which on it is looked for in any bytes; shorter ones are everywhere.
const SHORTEST: usize = 3;
