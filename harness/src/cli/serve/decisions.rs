//! Approving and denying requests by hand, on standard input.

use std::io;
use std::sync::Arc;
use std::thread;

use mock_ca::Ca;

use crate::cli::output::{say, warn};

/// Follows lines such as `approve` until standard input ends.
///
/// A thread of its own, because a read of standard input cannot be cancelled; it ends with the process.
pub(super) fn read_from_stdin(ca: &Arc<Ca>) {
    warn("requests wait for you: `pending`, `approve [TRANSACTION]`, `deny [TRANSACTION]`");
    let ca = Arc::clone(ca);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            for answer in follow(&ca, &line) {
                say(&answer);
            }
        }
    });
}

fn follow(ca: &Ca, line: &str) -> Vec<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => Vec::new(),
        ["pending"] => ca.pending().iter().map(shown).collect(),
        ["approve"] => vec![decide(ca, None, true)],
        ["approve", transaction_id] => vec![decide(ca, Some(transaction_id), true)],
        ["deny"] => vec![decide(ca, None, false)],
        ["deny", transaction_id] => vec![decide(ca, Some(transaction_id), false)],
        _ => vec![format!("`{line}` is none of `pending`, `approve`, `deny`")],
    }
}

/// Decides about the request of that transaction, or about the oldest one.
fn decide(ca: &Ca, transaction_id: Option<&str>, approve: bool) -> String {
    let is_meant = |pending: &mock_ca::Pending| {
        transaction_id.is_none_or(|meant| pending.transaction_id.as_str() == meant)
    };
    let Some(pending) = ca.pending().into_iter().find(is_meant) else {
        return "no such request waits".to_owned();
    };
    let id = &pending.transaction_id;
    let outcome = if approve {
        ca.approve(id).map(|_| "approved").map_err(|error| error.to_string())
    } else {
        ca.deny(id).map(|()| "denied").map_err(|error| error.to_string())
    };
    match outcome {
        Ok(what) => format!("{what} {}", shown(&pending)),
        Err(error) => format!("{}: {error}", shown(&pending)),
    }
}

fn shown(pending: &mock_ca::Pending) -> String {
    format!("{} {}", pending.transaction_id.as_str(), pending.subject)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use mock_ca::{PersonalityName, Settings};

    use super::*;

    #[test]
    fn every_line_is_answered_whatever_it_says() {
        let settings = Settings::new("pki", PersonalityName::Linux);
        let ca = Ca::open(settings, SystemTime::now()).unwrap();
        assert_eq!(follow(&ca, "  "), [""; 0]);
        assert_eq!(follow(&ca, "pending"), [""; 0]);
        assert_eq!(follow(&ca, "approve"), ["no such request waits"]);
        assert_eq!(follow(&ca, "deny 4711"), ["no such request waits"]);
        assert_eq!(follow(&ca, "yes"), ["`yes` is none of `pending`, `approve`, `deny`"]);
    }
}
