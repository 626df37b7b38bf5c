//! A client that stops working in the middle of a run refuses whatever it gets, which proves nothing.

use std::fs;

use super::{SCEPLAB, asking, script};
use crate::suite::sceplab::Ended;
use crate::support::conform::{Verdicts, conform};

/// Time in seconds at which a client is given up that hangs. One that works needs much less, also on a busy machine.
const GIVEN_UP: &str = "15";

/// Runs the cases of attributes at a client that enrols `working` times, and then does something else; also returns how often it
/// was run.
fn stopped_after(working: usize, then: &str) -> (Ended, Verdicts, usize) {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count").display().to_string();
    let text = format!(
        "#!/bin/sh\necho >> {count}\nif [ $(wc -l < {count}) -gt {working} ]; then\n{}\n{then}\nfi\n\
         exec {SCEPLAB} enrol \"$1\" --challenge \"$2\"\n",
        asking()
    );
    let (_folder, client) = script(&text);
    let options = ["--case", "attributes", "-j", "1", "--timeout", GIVEN_UP];
    let (ended, verdicts) = conform(&options, &[&client, "{url}", "{challenge}"]);
    let runs = fs::read_to_string(&count).unwrap().len();
    (ended, verdicts, runs)
}

fn of_kind<'a>(verdicts: &'a Verdicts, kind: &str) -> Vec<&'a str> {
    verdicts.iter().filter(|(_, its)| *its == kind).map(|(id, _)| id.as_str()).collect()
}

#[test]
fn refusals_of_a_client_that_stopped_working_prove_nothing() {
    for (then, told) in [
        ("exit 1", "gives up before the CA issues a certificate"),
        ("exit 0", "says that it has a certificate, but the CA issued none"),
        ("kill -SEGV $$", "the client crashes"),
        ("sleep 600", "the client did not exit in time"),
    ] {
        // The plain exchange and two cases.
        let (ended, verdicts, _) = stopped_after(3, then);
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        // In these two it got a certificate.
        let proved = ["attributes/content-type-not-data", "attributes/extra"];
        assert_eq!(of_kind(&verdicts, "conforms"), proved, "{}", ended.stdout);
        assert!(of_kind(&verdicts, "failed").is_empty(), "{}", ended.stdout);
        let last = ended.stderr.lines().rev().find(|line| line.starts_with("error: ")).unwrap();
        let words = [
            "the client does not complete the plain right exchange any more",
            told,
            "cases since its last certificate, in `conformance/client/attributes/extra`, prove nothing",
            "repeat that case with `--case conformance/client/attributes/",
        ];
        for word in words {
            assert!(last.contains(word), "lacks `{word}`: {}", ended.transcript());
        }
    }
}

#[test]
fn client_that_goes_on_working_is_judged() {
    let (ended, verdicts, runs) = stopped_after(usize::MAX / 2, "exit 1");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let judged = of_kind(&verdicts, "conforms").len();
    assert!(judged > 5, "{}", ended.stdout);
    assert!(runs > verdicts.len() + 1, "the plain exchange is not repeated: {runs}");
    assert!(!ended.transcript().contains("again, after"), "{}", ended.transcript());
}
