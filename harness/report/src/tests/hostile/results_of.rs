//! Results of each kind whose every text is from elsewhere.

use std::path::PathBuf;

use diagnostics::{Beside, Excerpt};
use results::requirement::{Basis, End, Level};
use results::{
    Assessment, Case, Cell, ConformanceReport, FailedMessage, Failure, Finding, KnownFailure,
    LogLine, Matrix, MessageInShort, Outcome, Reason, Received, ReceivedState, RequirementResult,
    Row, ScenarioOutcome, Sent, Skip, SkipCause, StepOutcome, Unfinished, Unmatched, Verdict,
};

use super::text::Texts;
use crate::tests::samples;

pub(super) fn outcome(texts: &mut Texts) -> Outcome {
    let verdicts = 0..5;
    let scenarios = verdicts.map(|kind| scenario(texts, kind)).collect();
    let unfinished = vec![unfinished(texts)];
    Outcome { scenarios, unfinished, ..samples::outcome() }
}

fn unfinished(texts: &mut Texts) -> Unfinished {
    Unfinished { id: texts.next(), path: path(texts), begun: true }
}

fn path(texts: &mut Texts) -> PathBuf {
    // A path has no NUL.
    PathBuf::from(texts.next().replace('\0', ""))
}

fn scenario(texts: &mut Texts, kind: usize) -> ScenarioOutcome {
    let verdict = match kind {
        0 => Verdict::Passed,
        1 => Verdict::Failed(Box::new(failure(texts))),
        2 => Verdict::Skipped(skip(texts)),
        3 => Verdict::LabBroke { reason: texts.next().into() },
        _ => Verdict::Panicked { message: texts.next() },
    };
    ScenarioOutcome {
        id: texts.next(),
        title: texts.next(),
        path: path(texts),
        tags: vec![texts.next()],
        verdict,
        steps: vec![step(texts)],
        notes: vec![texts.next()],
        received: vec![received(texts)],
        ..samples::outcome().scenarios.remove(0)
    }
}

fn step(texts: &mut Texts) -> StepOutcome {
    let sent = sent(texts);
    let of_sample = samples::outcome().scenarios.remove(1).steps.remove(0);
    StepOutcome { title: texts.next(), sent, output: texts.next(), ..of_sample }
}

fn sent(texts: &mut Texts) -> Sent {
    match texts.below(5) {
        0 => Sent::Configuration { device: texts.next(), lines: texts.next() },
        1 => Sent::Command { device: texts.next(), command: texts.next() },
        2 => Sent::Clock { goal: texts.next() },
        3 => Sent::Order { part: texts.next(), order: texts.next() },
        _ => Sent::Request { pki: texts.next(), request: texts.next() },
    }
}

fn received(texts: &mut Texts) -> Received {
    let state = ReceivedState::Issued;
    Received { state, serial: Some(texts.next()), subject: texts.next() }
}

fn skip(texts: &mut Texts) -> Skip {
    let because = SkipCause::Inconclusive;
    Skip {
        because,
        reason: texts.next(),
        evidence: vec![texts.next()],
        particulars: vec![texts.next()],
    }
}

fn excerpt(texts: &mut Texts) -> Excerpt {
    let text = texts.next().replace('\n', " ");
    let indent = texts.below(text.chars().count() + 1);
    Excerpt {
        path: texts.next(),
        line: 3,
        column: 1,
        text,
        indent,
        width: 1,
        beside: Beside::default(),
    }
}

fn failure(texts: &mut Texts) -> Failure {
    let finding = |texts: &mut Texts| Finding {
        excerpt: excerpt(texts),
        label: texts.next(),
        closest: Some(texts.next()),
        expected: (texts.below(2) == 0).then(|| texts.next()),
        facts: vec![texts.next()],
    };
    let line = |texts: &mut Texts| LogLine {
        source: texts.next(),
        line: texts.next(),
        is_of_client: false,
    };
    Failure {
        message: texts.next(),
        findings: vec![finding(texts), finding(texts)],
        sent: sent(texts),
        first_output: Some(texts.next()),
        output: (0..9).map(|_| texts.next() + "\n").collect(),
        log: vec![line(texts), line(texts)],
        hint: Some(texts.next()),
        messages: vec![message(texts), message(texts)],
        ..samples::failure()
    }
}

fn message(texts: &mut Texts) -> FailedMessage {
    FailedMessage {
        pki: Some(texts.next()),
        short: MessageInShort {
            what: texts.next(),
            transaction_id: Some(texts.next()),
            refusal: Some(texts.next()),
            subject: Some(texts.next()),
            digest: Some(texts.next()),
            signer: Some(texts.next()),
            cipher: Some(texts.next()),
            recipient: Some(texts.next()),
            wrong: vec![texts.next(), texts.next()],
            ..MessageInShort::default()
        },
        layers: vec![texts.next(), texts.next()],
    }
}

fn known(texts: &mut Texts) -> KnownFailure {
    KnownFailure {
        because: texts.next(),
        source: texts.next(),
        ticket: Some(texts.next()),
        until: None,
        at: texts.next(),
    }
}

fn assessment(texts: &mut Texts, kind: usize) -> Assessment {
    let reason = Reason { stage: texts.next(), text: texts.next() };
    match kind {
        0 => Assessment::Passed,
        1 => Assessment::Noted { notes: vec![texts.next(), texts.next()] },
        2 => Assessment::Failed { reason, expected: None },
        3 => Assessment::Failed { reason, expected: Some(known(texts)) },
        4 => Assessment::ExpectedFailure { reason, expected: known(texts) },
        5 => Assessment::Vanished { expected: known(texts) },
        6 => Assessment::Skipped(skip(texts)),
        7 => Assessment::LabBroke { reason: texts.next().into() },
        _ => Assessment::Panicked { message: texts.next() },
    }
}

/// Number of kinds of assessments.
const KINDS: usize = 9;

pub(super) fn conformance(texts: &mut Texts) -> ConformanceReport {
    let cases: Vec<Case> = (0..KINDS).map(|kind| case(texts, kind)).collect();
    let ids: Vec<(&str, Level)> =
        cases.iter().map(|case| (case.requirement.as_str(), case.level)).collect();
    ConformanceReport {
        requirements: RequirementResult::of_all(&cases, &ids),
        target: texts.next(),
        end: End::Server,
        discovered: vec![texts.next(), texts.next()],
        unfinished: vec![unfinished(texts)],
        strict: false,
        interrupted: false,
        given_up: Some(texts.next()),
        caution: None,
        issued: vec![received(texts)],
        challenges: 1,
        elapsed: samples::outcome().elapsed,
        cases,
    }
}

fn case(texts: &mut Texts, kind: usize) -> Case {
    let basis = match kind % 2 {
        0 => Basis::Advice { reason: texts.next() },
        _ => Basis::Text { section: texts.next(), sentence: texts.next(), option_of: None },
    };
    Case {
        id: texts.next(),
        title: texts.next(),
        requirement: texts.next(),
        level: Level::Must,
        basis,
        seen: Some(texts.next()),
        assessment: assessment(texts, kind),
        scenario: scenario(texts, 1),
    }
}

pub(super) fn matrix(texts: &mut Texts) -> Matrix {
    let clients: Vec<String> = (0..KINDS).map(|_| texts.next()).collect();
    let cell = |texts: &mut Texts, kind: usize| Cell {
        client: texts.next(),
        assessment: assessment(texts, kind),
        outcome: Some(scenario(texts, 1)),
    };
    let row = |texts: &mut Texts| Row {
        scenario: texts.next(),
        title: texts.next(),
        pki: texts.next(),
        pki_title: Some(texts.next()),
        cells: (0..KINDS).map(|kind| cell(texts, kind)).collect(),
    };
    Matrix {
        rows: vec![row(texts), row(texts)],
        clients,
        unmatched: vec![Unmatched { excerpt: excerpt(texts) }],
        elapsed: samples::outcome().elapsed,
        interrupted: false,
    }
}
