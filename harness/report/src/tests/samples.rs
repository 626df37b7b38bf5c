//! Results for tests of reports.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use diagnostics::{Beside, Excerpt};
use results::{
    Failure, Finding, LogLine, Outcome, ScenarioOutcome, Sent, Skip, SkipCause, StepOutcome,
    Unfinished, Verdict,
};

pub(crate) fn outcome() -> Outcome {
    Outcome {
        scenarios: vec![
            scenario("scep/linux-pki", 20_500, Verdict::Failed(Box::new(failure())), Vec::new()),
            scenario("scep/windows-pki", 250, Verdict::Passed, vec![step()]),
            scenario(
                "top",
                0,
                Verdict::Skipped(Skip::new(
                    SkipCause::NotSupported,
                    "the device does not support x",
                )),
                Vec::new(),
            ),
        ],
        unfinished: Vec::new(),
        selected: 3,
        elapsed: Duration::from_millis(20_500),
        interrupted: false,
        caution: None,
    }
}

pub(crate) fn unfinished() -> Vec<Unfinished> {
    let unfinished = |id: &str, begun| {
        let path = PathBuf::from(format!("scenarios/{id}.yaml"));
        Unfinished { id: id.to_owned(), path, begun }
    };
    vec![unfinished("scep/under-way", true), unfinished("waiting", false)]
}

fn scenario(
    id: &str,
    milliseconds: u64,
    verdict: Verdict,
    steps: Vec<StepOutcome>,
) -> ScenarioOutcome {
    ScenarioOutcome {
        id: id.to_owned(),
        title: "A scenario".to_owned(),
        path: PathBuf::from(format!("scenarios/{id}.yaml")),
        tags: Vec::new(),
        started: SystemTime::UNIX_EPOCH,
        elapsed: Duration::from_millis(milliseconds),
        verdict,
        steps,
        step_count: 5,
        notes: Vec::new(),
        received: Vec::new(),
        challenges: 0,
        has_enrolled: false,
    }
}

fn step() -> StepOutcome {
    StepOutcome {
        number: 1,
        title: "ping 10.0.0.1 from DUT0".to_owned(),
        elapsed: Duration::from_millis(10),
        tries: 1,
        sent: Sent::Command {
            device: "DUT0".to_owned(),
            command: "ping 10.0.0.1 count 1 size 56 timeout 1".to_owned(),
        },
        output: "PING 10.0.0.1\n".to_owned(),
    }
}

pub(crate) fn failure() -> Failure {
    let line = |source: &str, line: &str| LogLine {
        source: source.to_owned(),
        line: line.to_owned(),
        is_of_client: source == "scep",
    };
    Failure {
        step: 3,
        message: "output does not match".to_owned(),
        findings: vec![Finding {
            excerpt: Excerpt {
                path: "scenarios/scep/linux-pki.yaml".to_owned(),
                line: 27,
                column: 11,
                text: r"        - usercert\s+Valid".to_owned(),
                indent: 10,
                width: 16,
                beside: Beside::default(),
            },
            label: "not found in 20.0 s, 81 tries".to_owned(),
            closest: Some("usercert     Failed".to_owned()),
            expected: None,
            facts: Vec::new(),
        }],
        sent: Sent::Command { device: "DUT0".to_owned(), command: "pki scep show CSR".to_owned() },
        first_output: Some("Certificate  Status\n".to_owned()),
        output: "Certificate  Status\nusercert     Failed\n".to_owned(),
        tries: 81,
        elapsed: Duration::from_secs(20),
        log: vec![
            line("scep", "PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck"),
            line("linux-pki", "wrong challenge password"),
        ],
        hint: Some("compare the passwords".to_owned()),
        reply: None,
        refusal: None,
        messages: Vec::new(),
        ended_server: None,
        refused_line: None,
        is_unproved: false,
        idle_faults: Vec::new(),
    }
}
