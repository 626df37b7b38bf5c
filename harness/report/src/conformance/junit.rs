//! A report of conformance as `JUnit` XML: a suite for each requirement, a case for each case.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::junit::{fill, finished, unfinished};
use conformance::{CaseReport, Report, Verdict};
use diagnostics::Palette;

pub(super) fn text(report: &Report) -> String {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for case in &report.cases {
        let suite = suites.entry(&case.requirement);
        let suite = suite.or_insert_with(|| TestSuite::new(case.requirement.as_str()));
        suite.add_test_case(test_case(case));
    }
    if !report.unfinished.is_empty() {
        let mut suite = TestSuite::new("not finished");
        for one in &report.unfinished {
            let message = report
                .given_up
                .as_deref()
                .unwrap_or("the run was interrupted before this was finished");
            suite.add_test_case(TestCase::new(one.id.as_str(), unfinished(message)));
        }
        suites.insert("not finished", suite);
    }
    finished(suites.into_values(), report.elapsed)
}

fn test_case(case: &CaseReport) -> TestCase {
    let mut test_case = TestCase::new(case.id.as_str(), status(case));
    test_case.set_classname(case.requirement.as_str());
    fill(&mut test_case, &case.scenario);
    test_case
}

fn status(case: &CaseReport) -> TestCaseStatus {
    let mut status = match &case.verdict {
        Verdict::Conforms | Verdict::Noted { .. } => return TestCaseStatus::success(),
        Verdict::Fails { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Broke { .. } => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Known { .. } | Verdict::Vanished { .. } | Verdict::Skipped { .. } => {
            TestCaseStatus::skipped()
        }
    };
    let reason = case.verdict.reason();
    status.set_message(reason.unwrap_or_else(|| format!("{}: {}", case.level, case.title)));
    if let Some(text) = super::terminal::explanation(case, Palette::plain()) {
        status.set_description(text);
    }
    status
}
