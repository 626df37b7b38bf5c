//! Results as `JUnit` XML that Jenkins' xUnit plugin accepts: one suite per group, one test case per entry.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Entry, Reported, terminal};
use diagnostics::{Palette, visible_lines};
use results::Status;

pub(super) fn text<R: Reported>(results: &R) -> String {
    let mut report = Report::new("sceplab");
    report.set_time(results.elapsed());
    for group in results.entries().chunk_by(|a, b| a.group == b.group) {
        let mut suite = TestSuite::new(shown(&group[0].group));
        suite.add_test_cases(group.iter().map(test_case));
        suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
        if let Some(caution) = results.caution() {
            suite.set_system_err(shown(&format!("warning: {caution}")));
        }
        report.add_test_suite(suite);
    }
    let xml = report.to_string().unwrap_or_else(|error| format!("<!-- {error} -->\n"));
    without_total_of_skipped(&xml)
}

/// Removes the attribute `skipped` of `testsuites`, which the schema of Jenkins' xUnit plugin does not have.
fn without_total_of_skipped(xml: &str) -> String {
    let Some(start) = xml.find("<testsuites ") else { return xml.to_owned() };
    let end = xml[start..].find('>').map_or(xml.len(), |length| start + length);
    let is_kept = |attribute: &&str| !attribute.starts_with("skipped=\"");
    let tag: Vec<&str> = xml[start..end].split(' ').filter(is_kept).collect();
    [&xml[..start], &tag.join(" "), &xml[end..]].concat()
}

/// A text from elsewhere: XML forbids some characters, and others act on who reads the report.
fn shown(text: &str) -> String {
    visible_lines(text)
}

fn test_case(entry: &Entry<'_>) -> TestCase {
    let mut case = TestCase::new(shown(&entry.name), status(entry));
    case.set_classname(shown(&entry.group));
    let mut said = Vec::new();
    // The schema has no attribute for it.
    said.extend(entry.file.map(|file| file.display().to_string()));
    if let Some(outcome) = entry.outcome {
        case.set_time(outcome.elapsed);
        said.push(terminal::transcript(outcome, Palette::plain()));
    }
    said.retain(|text| !text.is_empty());
    if !said.is_empty() {
        case.set_system_out(shown(&said.join("\n")));
    }
    case
}

fn status(entry: &Entry<'_>) -> TestCaseStatus {
    let mut status = match entry.status {
        Status::Passed | Status::Noted => return TestCaseStatus::success(),
        Status::Skipped | Status::Unmet | Status::ExpectedFailure | Status::Vanished => {
            TestCaseStatus::skipped()
        }
        Status::Failed | Status::UnexpectedPass => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        // An interrupted run must not count as a success.
        Status::Untried | Status::LabBroke | Status::Panicked | Status::Unfinished => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    if let Some(message) = &entry.message {
        status.set_message(shown(message));
    }
    if let Some(explanation) = &entry.explanation {
        status.set_description(shown(explanation));
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
            xml.contains(r#"<testsuites name="sceplab" tests="3" failures="1" errors="0""#),
            "{xml}"
        );
        assert!(xml.contains(r#"<testsuite name="scep" tests="2""#), "{xml}");
        assert!(xml.contains(r#"<failure message="output does not match">"#), "{xml}");
        assert!(
            xml.contains(r#"<skipped message="not-supported: the device does not support x"/>"#),
            "{xml}"
        );
    }

    #[test]
    fn unfinished_scenarios_are_errors() {
        let mut outcome = samples::outcome();
        outcome.unfinished = samples::unfinished();
        for (interrupted, why) in
            [(true, "the run was interrupted"), (false, "an internal error ended the run")]
        {
            outcome.interrupted = interrupted;
            let xml = text(&outcome);
            assert!(xml.contains(r#"tests="5" failures="1" errors="2""#), "{xml}");
            assert!(xml.contains(&format!(r#""{why} while this was under way"/>"#)), "{xml}");
            assert!(xml.contains(&format!(r#""{why} before this began"/>"#)), "{xml}");
        }
    }
}
