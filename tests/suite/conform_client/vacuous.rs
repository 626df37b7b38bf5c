//! No case passes with a client that does nothing, or that crashes.

use super::{SCEPLAB, cases, script};
use crate::support::conform::conform;

/// The cases in which this client conforms.
fn conforming(text: &str) -> Vec<String> {
    let (_folder, client) = script(&format!("#!/bin/sh\n{text}\n"));
    let (ended, verdicts) =
        conform(&["--no-gate", "--jobs", "16"], &[&client, "{url}", "{challenge}"]);
    assert_eq!(verdicts.len(), cases().len(), "{}", ended.transcript());
    let is_good = |kind: &str| ["conforms", "noted"].contains(&kind);
    verdicts.into_iter().filter(|(_, kind)| is_good(kind)).map(|(id, _)| id).collect()
}

#[test]
fn client_that_asks_for_nothing_passes_no_case() {
    for end in ["exit 0", "exit 1", "kill -SEGV $$", "exit 139"] {
        assert_eq!(conforming(end), [""; 0], "{end}");
    }
}

#[test]
fn client_that_crashes_after_its_requests_passes_no_case() {
    let enrol = format!("{SCEPLAB} enrol \"$1\" --challenge \"$2\" --poll-within 1 >&2");
    // What it sent may be right before it crashes, but a crash is no refusal and no success.
    assert_eq!(conforming(&format!("{enrol}\nkill -SEGV $$")), [""; 0]);
}
