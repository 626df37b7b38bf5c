//! Saved messages without what is secret in them in the clear. A message cannot be changed without breaking its signature, so what has a
//! secret is left out as a whole.

use diagnostics::counted;
use model::lab::Secret;
use recording::{Exchange, Extent, Gap, Recording};
use redact::Masker;
use scep::{content::latin_1, http::Operation};

/// The end of each sentence about a body that was taken out.
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
    let taken_out = match request.operation() {
        // The message of a GET is in the query.
        Some(Ok(Operation::PkiOperation(message)))
            if request.body.is_empty() && reveals(&message) =>
        {
            request.head.clear();
            let path = request.target.split('?').next().unwrap_or_default().to_owned();
            request.target = path;
            Some(sentence(message.len(), "the query"))
        }
        _ => take_out(&mut request.body, reveals).map(|count| sentence(count, "the body")),
    };
    if let Some(sentence) = taken_out {
        let gap = format!("request: {sentence}");
        request.extent = Extent::Partial;
        note(&gap);
        // The last gap of a request without a reply is the reason for that.
        gaps.insert(0, Gap::Other(gap));
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
    if let Some(count) = take_out(&mut reply.body, reveals) {
        let gap = format!("reply: {}", sentence(count, "the body"));
        reply.extent = Extent::Partial;
        note(&gap);
        gaps.insert(0, Gap::Other(gap));
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

/// Takes out a body that has a secret; the number of its bytes.
fn take_out(body: &mut Vec<u8>, reveals: impl Fn(&[u8]) -> bool) -> Option<usize> {
    if body.is_empty() || !reveals(body) {
        return None;
    }
    Some(std::mem::take(body).len())
}

/// What is said of bytes that were taken out.
fn sentence(count: usize, of: &str) -> String {
    format!("{} of {of} {TAKEN_OUT}", counted(count, "byte"))
}

/// True if bytes have a secret, in whatever form.
fn reveals(bytes: &[u8], masker: &Masker, secrets: &[Secret]) -> bool {
    // A secret of a few characters is masked in texts only where it is a word. In a structure it may be beside anything.
    let has = |secret: &Secret| {
        let narrow = secret.expose().as_bytes();
        let wide: Vec<u8> = secret.expose().encode_utf16().flat_map(u16::to_be_bytes).collect();
        let is_there = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        narrow.len() >= SHORTEST && (is_there(narrow) || is_there(&wide))
    };
    let text = String::from_utf8_lossy(bytes);
    secrets.iter().any(has) || masker.text(&text) != text || {
        let text = latin_1(bytes);
        masker.text(&text) != text
    }
}

/// The length of a secret from which on it is looked for in any bytes; shorter ones are everywhere.
const SHORTEST: usize = 3;
