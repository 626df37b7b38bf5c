//! Remarks about what was given besides the messages: keys that fit nothing, and a time that is missing.

use openssl::x509::X509;
use scep::envelope::Outside;

use crate::{
    body::Body,
    knowledge::{KeySource, Knowledge},
    layer::{enveloped, named},
    sent_message::SentMessage,
};

/// The number of envelopes that a remark names.
const NAMED: usize = 3;

/// The remarks, in sentences.
pub(crate) fn remarks(messages: &[SentMessage], knowledge: &Knowledge) -> Vec<String> {
    let envelopes: Vec<Envelope> = (1..)
        .zip(messages)
        .filter_map(|(number, message)| Envelope::of(number, message, knowledge))
        .collect();
    let fits = |source: &&KeySource| {
        envelopes.iter().any(|it| it.key.is_some_and(|key| source.keys.contains(&key)))
    };
    let unfit: Vec<&KeySource> =
        knowledge.key_sources.iter().filter(|source| !fits(source)).collect();
    let closed = (!unfit.is_empty()).then(|| closed(&envelopes));
    let keys = unfit.into_iter().map(|source| misfit(source, knowledge));
    keys.chain(closed).chain(no_time(messages, knowledge)).collect()
}

/// An envelope in the input.
struct Envelope {
    number: usize,
    /// The recipient of the envelope, in words.
    recipient: String,
    /// The index of the key of its recipient.
    key: Option<usize>,
}

impl Envelope {
    fn of(number: usize, message: &SentMessage, knowledge: &Knowledge) -> Option<Self> {
        let named =
            |outside: &Outside, key| Self { number, recipient: recipient(outside, knowledge), key };
        let bare = match message.body.inner() {
            Body::Envelope => Some(bytes_of(&message.body, &message.bytes)),
            Body::Signed(signed) => enveloped(signed),
            _ => None,
        };
        if let Some(bytes) = bare {
            let outside = Outside::of(bytes).ok()?;
            let key = knowledge.open(bytes, &outside).map(|(key, _)| key);
            return Some(named(&outside, key));
        }
        let opening = message.facts.as_ref()?.envelope.as_ref()?;
        Some(named(opening.outside.as_ref()?, opening.key))
    }
}

/// The bytes of the structure inside the forms around it.
fn bytes_of<'a>(body: &'a Body, bytes: &'a [u8]) -> &'a [u8] {
    match body {
        Body::Wrapped(_, inner, body) | Body::Trailing(_, inner, body) => bytes_of(body, inner),
        _ => bytes,
    }
}

fn recipient(outside: &Outside, knowledge: &Knowledge) -> String {
    let mut known = knowledge.certificates.iter().chain(&knowledge.ca);
    match (known.find(|one| outside.is_addressed_to(one)), outside.recipients().first()) {
        (Some(known), _) => named(known),
        (None, Some(recipient)) => recipient.to_string(),
        (None, None) => "nobody with an RSA key".to_owned(),
    }
}

/// What a key that fits no envelope is, as far as it is known.
fn misfit(source: &KeySource, knowledge: &Knowledge) -> String {
    let name = &source.name;
    let keys = knowledge.keys.get(source.keys.clone()).unwrap_or_default();
    let has_key = |one: &&X509| {
        let public = one.public_key();
        public.is_ok_and(|public| keys.iter().any(|key| public.public_eq(key)))
    };
    let owner = knowledge.certificates.iter().chain(&knowledge.ca).find(has_key);
    match owner {
        Some(owner) => format!("{name} opens nothing here: it has the key of {}", named(owner)),
        None => format!("{name} opens nothing here: no certificate here has its key"),
    }
}

/// Whose key would open the envelopes that are closed.
fn closed(envelopes: &[Envelope]) -> String {
    let closed: Vec<&Envelope> = envelopes.iter().filter(|it| it.key.is_none()).collect();
    if envelopes.is_empty() {
        return "there is no envelope in the input".to_owned();
    }
    if closed.is_empty() {
        return "each envelope here was opened with another key".to_owned();
    }
    let mut recipients: Vec<(&str, Vec<String>)> = Vec::new();
    for envelope in &closed {
        let number = format!("#{}", envelope.number);
        match recipients.iter_mut().find(|(name, _)| *name == envelope.recipient) {
            Some((_, numbers)) => numbers.push(number),
            None => recipients.push((&envelope.recipient, vec![number])),
        }
    }
    let shown = recipients.iter().take(NAMED).map(|(name, numbers)| {
        let more = numbers.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more} by the key of {name}", numbers[..numbers.len().min(NAMED)].join(", "))
    });
    let more = recipients.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("others by {more} further keys"));
    format!(
        "what is closed here would be opened: {}",
        shown.chain(more).collect::<Vec<_>>().join("; ")
    )
}

/// A remark if there are dates that are not judged.
fn no_time(messages: &[SentMessage], knowledge: &Knowledge) -> Option<String> {
    let has_dates = |message: &SentMessage| {
        matches!(message.body.inner(), Body::RevocationList(_))
            || !message.body.certificates().is_empty()
    };
    let is_unjudged =
        |message: &&SentMessage| knowledge.moment(message.at).is_none() && has_dates(message);
    let words = "the validity of certificates is not judged, because nothing tells when the messages were sent: `--at TIME` does";
    messages.iter().find(is_unjudged).map(|_| words.to_owned())
}
