//! Approving and denying requests by lines on standard input.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::thread;

use mock_ca::Ca;

use crate::output::{say_queued, warn};

/// Carries out lines such as `approve` until standard input ends.
///
/// It runs in a thread, because a read of standard input cannot be cancelled; the thread ends with the process.
pub(super) fn read_from_stdin(ca: &Arc<Ca>, has_control: bool) {
    warn(
        "requests wait for your decision: type `pending`, `approve [TRANSACTION]` or `deny [TRANSACTION]`",
    );
    let ca = Arc::clone(ca);
    thread::spawn(move || {
        let ended = follow_all(&ca, io::stdin().lock());
        let why = ended.map_or_else(|error| format!(": {error}"), |()| String::new());
        let next = if has_control {
            "requests are approved and denied through the control port only"
        } else {
            "no request can be approved or denied any more; `--control ADDR:PORT` takes decisions without a terminal"
        };
        warn(&format!("standard input has ended{why}; {next}"));
    });
}

/// Carries out lines until `input` ends; a line that is not UTF-8 is answered as an unknown one.
fn follow_all(ca: &Ca, mut input: impl BufRead) -> io::Result<()> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        for answer in follow(ca, text.trim_end_matches(['\r', '\n'])) {
            say_queued(&answer);
        }
        line.clear();
    }
    Ok(())
}

fn follow(ca: &Ca, line: &str) -> Vec<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => Vec::new(),
        ["pending"] => match ca.pending() {
            Ok(pending) => pending.iter().map(shown).collect(),
            Err(error) => vec![error.to_string()],
        },
        ["approve"] => vec![decide(ca, None, true)],
        ["approve", transaction_id] => vec![decide(ca, Some(transaction_id), true)],
        ["deny"] => vec![decide(ca, None, false)],
        ["deny", transaction_id] => vec![decide(ca, Some(transaction_id), false)],
        _ => vec![format!("unknown command `{line}` (known: `pending`, `approve`, `deny`)")],
    }
}

/// Decides about the request with this transaction id, or about the oldest one.
fn decide(ca: &Ca, transaction_id: Option<&str>, approve: bool) -> String {
    let is_meant = |pending: &mock_ca::Pending| {
        transaction_id.is_none_or(|meant| pending.transaction_id.as_str() == meant)
    };
    let waiting = match ca.pending() {
        Ok(waiting) => waiting,
        Err(error) => return error.to_string(),
    };
    let Some(pending) = waiting.into_iter().find(is_meant) else {
        return "no such request is waiting".to_owned();
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
    use mock_ca::{PersonalityName, Settings};
    use scep::clock::Clock;

    use super::*;

    #[test]
    fn invalid_utf8_does_not_end_the_input() {
        let settings = Settings::new("pki", PersonalityName::Linux);
        let ca = Ca::open(settings, Clock::system()).unwrap();
        let mut input = io::Cursor::new(b"\xff\xfe\x80\npending\n\xff");
        follow_all(&ca, &mut input).unwrap();
        assert_eq!(input.position(), input.get_ref().len() as u64);
    }

    #[test]
    fn every_line_is_answered() {
        let settings = Settings::new("pki", PersonalityName::Linux);
        let ca = Ca::open(settings, Clock::system()).unwrap();
        assert_eq!(follow(&ca, "  "), [""; 0]);
        assert_eq!(follow(&ca, "pending"), [""; 0]);
        assert_eq!(follow(&ca, "approve"), ["no such request is waiting"]);
        assert_eq!(follow(&ca, "deny 4711"), ["no such request is waiting"]);
        let unknown = "unknown command `yes` (known: `pending`, `approve`, `deny`)";
        assert_eq!(follow(&ca, "yes"), [unknown]);
    }
}
