//! What the ends of a client have in common over all cases.

use diagnostics::counted;
use results::{Case, ConformanceReport, Status};

/// Lines about ends that point at the command or the time limit, more than at single requirements.
pub(super) fn hints(report: &ConformanceReport) -> Vec<String> {
    let ends: Vec<&str> = report.cases.iter().filter_map(last_end).collect();
    let is_failed = report.cases.iter().any(|case| case.assessment.status() == Status::Failed);
    let count = |beginning: &str| ends.iter().filter(|end| end.starts_with(beginning)).count();
    let (hung, cases) = (count("it did not end in "), counted(ends.len(), "case"));
    let mut hints = Vec::new();
    if hung > 1 {
        hints.push(format!(
            "the client hung in {hung} of {cases}, and was killed: it must end by itself, with another status than 0 if it gets no \
             certificate; if it only needs longer, give it longer with `--timeout`"
        ));
    }
    if ends.len() > 1 && count("it succeeded") == ends.len() && is_failed {
        hints.push(
            "the client ended with status 0 in every case: it must end with another status if it has no certificate".to_owned(),
        );
    }
    hints
}

/// How the last run of the client in a case ended; none if it did not run.
fn last_end(case: &Case) -> Option<&str> {
    case.scenario.steps.last()?.output.lines().next()
}
