//! Cases during which the server was away for a moment, and their repetition.

use diagnostics::visible;
use results::{Outcome, ScenarioOutcome, ServerState, Verdict};

/// True if the server was away for a moment after a request of the case.
pub(super) fn met_by(case: &ScenarioOutcome) -> bool {
    matches!(&case.verdict, Verdict::Failed(failure) if failure.ended_server == Some(ServerState::Back))
}

/// Puts the results of repeated cases in the place of the first ones; returns those that met the same again.
pub(super) fn merge(outcome: &mut Outcome, repeated: Outcome) -> Vec<ScenarioOutcome> {
    outcome.elapsed += repeated.elapsed;
    outcome.interrupted |= repeated.interrupted;
    let mut again = Vec::new();
    for second in repeated.scenarios {
        let Some(first) = outcome.scenarios.iter_mut().find(|one| one.id == second.id) else {
            continue;
        };
        let is_again = met_by(&second);
        put(first, second);
        if is_again {
            again.push(first.clone());
        }
    }
    again
}

/// Puts the second result in the place of the first, unless it says nothing.
fn put(first: &mut ScenarioOutcome, mut second: ScenarioOutcome) {
    match &mut second.verdict {
        Verdict::Skipped(_) | Verdict::LabBroke { .. } | Verdict::Panicked { .. } => {
            first.received.append(&mut second.received);
            first.challenges += second.challenges;
            return;
        }
        Verdict::Failed(failure) if failure.ended_server.is_some() => {
            failure.message = format!("{}, twice", failure.message);
            failure.tries += 1;
        }
        Verdict::Passed | Verdict::Failed(_) => second.notes.push(note(first)),
    }
    second.received.splice(0..0, std::mem::take(&mut first.received));
    second.challenges += first.challenges;
    second.elapsed += first.elapsed;
    *first = second;
}

/// What the first try met.
fn note(first: &ScenarioOutcome) -> String {
    let seen = match &first.verdict {
        Verdict::Failed(failure) => failure.findings.first().map(|it| it.label.as_str()),
        _ => None,
    };
    format!(
        "in a first try, the server could not be reached for a moment after a request ({}); the second try counts",
        seen.unwrap_or("no answer")
    )
}

/// How often the server could not be reached before a request, which was then sent again; `None` if it always could.
pub(super) fn in_words(reasons: &[String]) -> Option<String> {
    let times = match reasons.len() {
        0 => return None,
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    let reason = visible(reasons.first()?);
    Some(format!(
        "the server could not be reached {times}, and answered again after a moment ({reason}); the request was sent again each time"
    ))
}
