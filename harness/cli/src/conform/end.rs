//! The end of a run at a server that does not serve any more, in words.

use parking_lot::Mutex;

use diagnostics::counted;
use model::scep_url::ScepUrl;
use results::{Assessment, Breakage, Case, ConformanceReport, ServerState, Status, Verdict};
use runner::Event;

/// The cases in the order of their ends, which says better than their names when something began.
#[derive(Debug, Default)]
pub(super) struct Order(Mutex<Vec<String>>);

impl Order {
    /// Notes an event of the run.
    pub(super) fn note(&self, event: &Event<'_>) {
        if let Event::Finished(outcome) = event {
            self.0.lock().push(outcome.id.clone());
        }
    }

    /// The first case that meets a condition, and the one that ended before it.
    fn first(&self, is_it: impl Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        let ids = self.0.lock();
        let position = ids.iter().position(|id| is_it(id))?;
        let before = position.checked_sub(1).and_then(|before| ids.get(before));
        Some((ids[position].clone(), before.cloned()))
    }
}

/// Why a run ended at a server that does not serve any more, and when that began.
pub(super) fn gone(
    report: &ConformanceReport,
    order: &Order,
    url: &ScepUrl,
    reason: &str,
) -> String {
    let rest = untried(report);
    if let Some((id, message)) = report.cases.iter().find_map(stayed_away) {
        let what = message.replace("this request", &format!("the request of `{id}`"));
        return format!("{what}, so {rest}; its failure says what to do");
    }
    let was_under_way = |id: &str| {
        let case = report.cases.iter().find(|case| case.id == id);
        case.and_then(broke).is_some_and(|it| !it.is_untried)
    };
    let course = match order.first(was_under_way) {
        Some((id, before)) => advice(&id, before.as_deref(), url),
        None => String::new(),
    };
    format!("{reason}, and {rest}{course}")
}

/// What ran when it began, and how to find out if that is the reason.
fn advice(id: &str, before: Option<&str>, url: &ScepUrl) -> String {
    let Some(before) = before else {
        return format!("; in work when it began: `{id}`, the first case");
    };
    format!(
        "; the last case that ended before: `{before}`; in work when it began: `{id}`; one run does not show if one of them is the \
         reason, so run them alone when the server is back: `sceplab conform {url} --case {before} --case {id}`"
    )
}

/// The number of cases that sent nothing because the server was gone, as the summary counts them.
fn untried(report: &ConformanceReport) -> String {
    let is_untried = |case: &&Case| case.assessment.status() == Status::Untried;
    let count = report.cases.iter().filter(is_untried).count() + report.unfinished.len();
    match count {
        0 => "no further case was left".to_owned(),
        1 => "1 case was not tried".to_owned(),
        count => format!("{} were not tried", counted(count, "case")),
    }
}

/// The id of a case after whose request the server did not come back, and the message about it.
fn stayed_away(case: &Case) -> Option<(&str, &str)> {
    let Verdict::Failed(failure) = &case.scenario.verdict else { return None };
    failure.ended_server.filter(|state| *state != ServerState::Back)?;
    Some((&case.id, &failure.message))
}

/// Why a case was not tried to its end.
fn broke(case: &Case) -> Option<&Breakage> {
    match &case.assessment {
        Assessment::LabBroke { reason } => Some(reason),
        _ => None,
    }
}
