//! The output of `pki crl show`: the revocation list that the device keeps.

use std::time::SystemTime;

use scep::clock::written;
use scep::name::to_text;
use scep::revocation_list::Revoked;

use crate::enrolment::revocation::{Freshness, HeldList, Revocation};

/// How many entries are shown; a message may have a hundred thousand.
const MOST_ENTRIES: usize = 1_000;

/// The list of a request with its entries, or why there is none.
pub(crate) fn show(revocation: &Revocation, now: SystemTime) -> String {
    if revocation.source.is_none() {
        return "Revocation is not checked: `crl-check` is not set".to_owned();
    }
    let mut lines = match &revocation.held {
        Some(held) => described(held, now),
        None => vec!["There is no revocation list yet".to_owned()],
    };
    lines.extend(
        revocation.problem.as_ref().map(|problem| format!("Problem:      {}", problem.text())),
    );
    lines.join("\n")
}

fn described(held: &HeldList, now: SystemTime) -> Vec<String> {
    let list = &held.list;
    let status = match held.freshness(now) {
        Freshness::Fresh => "Fresh",
        Freshness::NotYetValid => "Not yet valid",
        Freshness::Expired => "Expired",
    };
    let next = list.next_update().map_or_else(|| "-".to_owned(), written);
    let mut lines = vec![
        format!("Issuer:       {}", to_text(list.issuer())),
        format!("Status:       {status}"),
        format!("This update:  {}", written(list.this_update())),
        format!("Next update:  {next}"),
        format!("Number:       {}", list.number().unwrap_or("-")),
        format!("From:         {}", held.from),
        format!("Fetched:      {}", written(held.fetched)),
        format!("Revoked:      {}", list.revoked().len()),
    ];
    lines.extend(list.revoked().iter().take(MOST_ENTRIES).map(entry));
    let more = list.revoked().len().saturating_sub(MOST_ENTRIES);
    if more > 0 {
        lines.push(format!("  … and {more} more"));
    }
    lines
}

fn entry(revoked: &Revoked) -> String {
    let reason = revoked.reason.unwrap_or("-");
    format!("  {}  {}  {reason}", revoked.serial, written(revoked.at))
}
