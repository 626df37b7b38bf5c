//! Results as `JUnit` XML: one suite per group, one test case per entry.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Entry, Reported, terminal};
use diagnostics::Palette;
use results::Status;

pub(super) fn text<R: Reported>(results: &R) -> String {
    let mut report = Report::new("sceplab");
    report.set_time(results.elapsed());
    for group in results.entries().chunk_by(|a, b| a.group == b.group) {
        let mut suite = TestSuite::new(group[0].group.as_str());
        suite.add_test_cases(group.iter().map(test_case));
        suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
        report.add_test_suite(suite);
    }
    report.to_string().unwrap_or_else(|error| format!("<!-- {error} -->\n"))
}

fn test_case(entry: &Entry<'_>) -> TestCase {
    let mut case = TestCase::new(entry.name.as_str(), status(entry));
    case.set_classname(entry.group.as_str());
    if let Some(file) = entry.file {
        case.extra.insert("file".into(), file.display().to_string().into());
    }
    if let Some(outcome) = entry.outcome {
        case.set_time(outcome.elapsed);
        let transcript = terminal::transcript(outcome, Palette::plain());
        if !transcript.is_empty() {
            case.set_system_out(transcript);
        }
    }
    case
}

fn status(entry: &Entry<'_>) -> TestCaseStatus {
    let mut status = match entry.status {
        Status::Passed | Status::Noted => return TestCaseStatus::success(),
        Status::Skipped | Status::ExpectedFailure | Status::Vanished => TestCaseStatus::skipped(),
        Status::Failed | Status::UnexpectedPass => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        // An interrupted run must not count as a success.
        Status::LabBroke | Status::Panicked | Status::Unfinished => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    if let Some(message) = &entry.message {
        status.set_message(message.as_str());
    }
    if let Some(explanation) = &entry.explanation {
        status.set_description(explanation.as_str());
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    #[test]
    fn failures_and_skips_have_reasons() {
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
    fn unfinished_scenarios_are_errors() {
        let mut outcome = samples::outcome();
        outcome.unfinished = samples::unfinished();
        let xml = text(&outcome);
        assert!(xml.contains(r#"tests="5" skipped="1" failures="1" errors="2""#), "{xml}");
        assert!(xml.contains(r#"interrupted while this was under way"/>"#), "{xml}");
        assert!(xml.contains(r#"interrupted before this began"/>"#), "{xml}");
    }
}
