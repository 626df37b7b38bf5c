//! One cause counts once: a case that fails as another one does is skipped, and its reason names the other.

use model::scenario::Scenario;
use results::{Assessment, Case, Skip, SkipCause, Status, Verdict};

/// Skips each case that failed for the cause of another failed case, by the cases' own `same-cause-as`. A known deviation stays
/// one.
pub(super) fn count_once(judged: &mut [Case], known: &[Scenario]) {
    let failed: Vec<String> =
        judged.iter().filter(|case| fails(case)).map(|case| case.id.clone()).collect();
    for case in judged.iter_mut().filter(|case| fails(case)) {
        let other = known.iter().find(|one| one.id == case.id).and_then(same_cause_as);
        let other = other.filter(|other| failed.iter().any(|id| id == other));
        if let Some(other) = other.filter(|_| case.assessment.status() != Status::ExpectedFailure) {
            let reason = format!("it fails as `{other}` does, which counts");
            case.assessment = Assessment::Skipped(Skip::new(SkipCause::SameCause, reason));
        }
    }
}

fn same_cause_as(case: &Scenario) -> Option<&str> {
    case.conformance.as_ref()?.same_cause_as.as_deref()
}

/// True if the case failed and that says something about the peer. A case that ended the server is shown by itself.
fn fails(case: &Case) -> bool {
    let is_skipped = matches!(case.assessment, Assessment::Skipped(_));
    matches!(&case.scenario.verdict, Verdict::Failed(failure) if failure.ended_server.is_none() && !is_skipped)
}
