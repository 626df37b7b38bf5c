//! The outcome as `JUnit` XML: a suite for each folder, a case for each scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::terminal;
use diagnostics::Palette;
use model::outcome::{Outcome, ScenarioOutcome, Unfinished, Verdict};

pub(super) fn text(outcome: &Outcome) -> String {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    let mut add = |id, case: &dyn Fn(&str, &str) -> TestCase| {
        let (folder, name) = folder_and_name(id);
        let suite = suites.entry(folder).or_insert_with(|| TestSuite::new(folder));
        suite.add_test_case(case(folder, name));
    };
    for scenario in &outcome.scenarios {
        add(&scenario.id, &|folder, name| case(folder, name, scenario));
    }
    for scenario in &outcome.unfinished {
        add(&scenario.id, &|folder, name| unfinished_case(folder, name, scenario));
    }
    finished(suites.into_values(), outcome.elapsed)
}

/// The report of some suites, each of which took as long as its cases.
pub(super) fn finished(suites: impl Iterator<Item = TestSuite>, elapsed: Duration) -> String {
    let mut report = Report::new("sceplab");
    report.set_time(elapsed);
    for mut suite in suites {
        suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
        report.add_test_suite(suite);
    }
    report.to_string().unwrap_or_else(|error| format!("<!-- {error} -->\n"))
}

fn case(folder: &str, name: &str, scenario: &ScenarioOutcome) -> TestCase {
    let mut case = TestCase::new(name, status(scenario));
    case.set_classname(folder);
    fill(&mut case, scenario);
    case
}

/// Adds what is known of a scenario that was finished.
pub(super) fn fill(case: &mut TestCase, scenario: &ScenarioOutcome) {
    case.set_time(scenario.elapsed);
    let file = scenario.path.display().to_string();
    case.extra.insert("file".into(), file.as_str().into());
    let transcript = terminal::transcript(scenario, Palette::plain());
    if !transcript.is_empty() {
        case.set_system_out(transcript);
    }
}

fn unfinished_case(folder: &str, name: &str, scenario: &Unfinished) -> TestCase {
    let message = if scenario.begun {
        "the run was interrupted while this was under way"
    } else {
        "the run was interrupted before this began"
    };
    let mut case = TestCase::new(name, unfinished(message));
    case.set_classname(folder);
    let file = scenario.path.display().to_string();
    case.extra.insert("file".into(), file.as_str().into());
    case
}

/// An error, lest a run that was cut short pass for a good one.
pub(super) fn unfinished(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(message);
    status
}

fn folder_and_name(id: &str) -> (&str, &str) {
    id.rsplit_once('/').unwrap_or(("scenarios", id))
}

pub(super) fn status(scenario: &ScenarioOutcome) -> TestCaseStatus {
    let (kind, message) = match &scenario.verdict {
        Verdict::Passed => return TestCaseStatus::success(),
        Verdict::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            return status;
        }
        Verdict::Failed(failure) => (NonSuccessKind::Failure, failure.message.as_str()),
        Verdict::LabBroke { reason } => (NonSuccessKind::Error, reason.as_str()),
        Verdict::Panicked { message } => (NonSuccessKind::Error, message.as_str()),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    if let Some(text) = terminal::explanation(scenario, Palette::plain()) {
        status.set_description(text);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn failures_and_skips_carry_their_reasons() {
        let xml = text(&samples::outcome());
        assert!(
            xml.contains(r#"name="sceplab" tests="3" skipped="1" failures="1" errors="0""#),
            "{xml}"
        );
        assert!(xml.contains(r#"<testsuite name="scep" tests="2""#), "{xml}");
        assert!(xml.contains(r#"<failure message="output does not match">"#), "{xml}");
        assert!(xml.contains(r#"<skipped message="the device does not support x"/>"#), "{xml}");
    }

    #[test]
    fn what_was_not_finished_is_an_error() {
        let mut outcome = samples::outcome();
        outcome.unfinished = samples::unfinished();
        let xml = text(&outcome);
        assert!(xml.contains(r#"tests="5" skipped="1" failures="1" errors="2""#), "{xml}");
        assert!(xml.contains(r#"interrupted while this was under way"/>"#), "{xml}");
        assert!(xml.contains(r#"interrupted before this began"/>"#), "{xml}");
    }
}
