//! What changed between two looks at a PKI.

use diagnostics::visible;
use scep::http::HttpResponse;
use serde::Serialize;

use crate::capability::lines;
use crate::certificate::Facts;
use crate::inspection::VERSION;
use crate::seen::{Answer, Seen};

/// A change as a JSON document.
#[derive(Debug, Serialize)]
pub struct ChangeDocument<'a> {
    version: u32,
    seen_at: &'a str,
    change: &'a str,
}

impl<'a> ChangeDocument<'a> {
    /// A change in a sentence, that was seen at a moment.
    pub fn new(seen_at: &'a str, change: &'a str) -> Self {
        Self { version: VERSION, seen_at, change }
    }
}

/// What became of the answers themselves, each in a sentence: other statuses and content types, and answers that come no more.
pub fn answer_changes(before: &Seen, now: &Seen) -> Vec<String> {
    let both = [
        answer("GetCACaps", &before.capabilities, &now.capabilities),
        answer("GetCACert", &before.certificates, &now.certificates),
    ];
    both.iter().flatten().map(|change| visible(change)).collect()
}

/// The differences in what the answers say, each in a sentence. What is not there now is not compared.
pub fn content_changes(before: &Seen, now: &Seen) -> Vec<String> {
    let mut changes = words(before, now);
    changes.extend(certificates(&before.chain(), &now.chain()));
    changes.extend(next_ca(before, now));
    changes.iter().map(|change| visible(change)).collect()
}

/// The difference in status or content type, or the reason why there is no answer any more.
fn answer(name: &str, before: &Answer, now: &Answer) -> Option<String> {
    let kind = |response: &HttpResponse| {
        let content_type = response.content_type.as_deref().unwrap_or("no content type");
        format!("HTTP {}, {content_type}", response.status)
    };
    match (before, now) {
        (Ok(before), Ok(now)) if kind(before) != kind(now) => {
            Some(format!("{name} is answered {}, and was answered {}", kind(now), kind(before)))
        }
        (Ok(_), Err(reason)) => Some(format!("{name} is not answered any more: {reason}")),
        (Err(_), Ok(now)) => Some(format!("{name} is answered again: {}", kind(now))),
        _ => None,
    }
}

fn words(before: &Seen, now: &Seen) -> Vec<String> {
    let (Some(before), Some(now)) = (before.list(), now.list()) else { return Vec::new() };
    let (before, now): (Vec<&str>, Vec<&str>) = (lines(&before).collect(), lines(&now).collect());
    let new = now.iter().filter(|word| !before.contains(word));
    let new = new.map(|word| format!("the capability `{word}` is new"));
    let gone = before.iter().filter(|word| !now.contains(word));
    let gone = gone.map(|word| format!("the capability `{word}` is gone"));
    let mut changes: Vec<String> = new.chain(gone).take(MOST).collect();
    if changes.is_empty() && before != now {
        changes.push("the capabilities are in another order".to_owned());
    }
    changes
}

/// The number of changes of a kind that are told.
const MOST: usize = 32;

fn certificates(before: &[Facts], now: &[Facts]) -> Vec<String> {
    if before.is_empty() || now.is_empty() {
        return Vec::new();
    }
    let is_in = |list: &[Facts], one: &Facts| list.iter().any(|other| other.sha256 == one.sha256);
    let new = now.iter().filter(|one| !is_in(before, one)).map(|one| {
        format!("{} is new: {}, {}, SHA-256 {}", one.named(), one.role, one.validity, one.sha256)
    });
    let gone = before.iter().filter(|one| !is_in(now, one));
    let gone = gone.map(|one| format!("{} is gone, SHA-256 {}", one.named(), one.sha256));
    let mut changes: Vec<String> = new.chain(gone).take(MOST).collect();
    let order = |list: &[Facts]| list.iter().map(|one| one.sha256.clone()).collect::<Vec<_>>();
    if changes.is_empty() && order(before) != order(now) {
        changes.push("the certificates are in another order".to_owned());
    }
    let ended = now.iter().filter(|one| {
        let was_valid = |other: &&Facts| other.sha256 == one.sha256 && other.days_left >= 0;
        one.days_left < 0 && before.iter().any(|other| was_valid(&other))
    });
    changes.extend(ended.take(MOST).map(|one| format!("{} {}", one.named(), one.validity)));
    changes
}

fn next_ca(before: &Seen, now: &Seen) -> Option<String> {
    // Without an answer nobody knows.
    let is_there = |seen: &Seen| match &seen.next_ca {
        Some(answer) => answer.as_ref().ok().map(|answer| answer.status == 200),
        None => seen.list().map(|_| false),
    };
    // The signature of the answer may be new each time, so only its presence is compared.
    match (is_there(before)?, is_there(now)?) {
        (false, true) => Some("a next CA is announced (GetNextCACert)".to_owned()),
        (true, false) => Some("no next CA is announced any more (GetNextCACert)".to_owned()),
        _ => None,
    }
}
