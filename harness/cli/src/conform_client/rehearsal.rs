//! Whether a client asks a CA anything at all, found out before it is tried: a mistyped command must not look like a client
//! that fails.

use std::sync::Arc;
use std::time::Duration;

use testbed::client::Client;

use crate::wiring::Loopback;
use diagnostics::Diagnostic;
use mock_ca::Approval;
use model::scenario::client::{ClientStep, GivenChallenge};
use model::scenario::{Action, Scenario, Step};
use results::{ScenarioOutcome, Verdict};
use runner::run_on;
use testbed::{Bench, Driver};

/// How often the CA is asked whether anything came.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets the client enrol at a CA that does nothing wrong, until it asks that CA anything.
///
/// # Errors
/// What the client did instead, with the last of what it said.
pub(super) async fn rehearse(
    cases: &[Scenario],
    client: Arc<dyn Client>,
) -> Result<(), Diagnostic> {
    let Some(rehearsal) = cases.iter().find_map(rehearsal) else { return Ok(()) };
    let name = client.name();
    let bench = Loopback::new(client).build(&rehearsal.lab, &rehearsal.id).await;
    let bench = bench.map_err(|error| Diagnostic::general(error.to_string()))?;
    let done = tokio::select! {
        outcome = run_on(&rehearsal, &bench) => Some(outcome),
        () = asked(&bench) => None,
    };
    // Both may have happened at once.
    let silent = if has_been_asked(&bench).await { None } else { done };
    bench.close().await;
    match silent {
        Some(outcome) => Err(never_asked(&name, &outcome)),
        None => Ok(()),
    }
}

/// A case as it is with nothing wrong, and nobody to wait for; `None` where it lets no client enrol.
fn rehearsal(case: &Scenario) -> Option<Scenario> {
    let mut lab = case.lab.clone();
    if lab.pkis.values().any(|pki| pki.approval != Approval::Automatic) {
        return None;
    }
    lab.pkis.values_mut().for_each(|pki| pki.faults.clear());
    let enrols = |step: &Step| match &step.action {
        Action::Client(client) => {
            let client = ClientStep {
                challenge: GivenChallenge::Right,
                skip_unless_fired: None,
                ..ClientStep::clone(client)
            };
            Some(Step { action: Action::Client(Box::new(client)), ..step.clone() })
        }
        _ => None,
    };
    let step = case.steps.iter().find_map(enrols)?;
    Some(Scenario { lab, steps: vec![step], ..case.clone() })
}

/// Waits until a request came.
async fn asked(bench: &Bench) {
    while !has_been_asked(bench).await {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn has_been_asked(bench: &Bench) -> bool {
    for pki in bench.pkis.values() {
        if pki.seen().await.is_ok_and(|seen| !seen.is_empty()) {
            return true;
        }
    }
    false
}

fn never_asked(name: &str, outcome: &ScenarioOutcome) -> Diagnostic {
    let message = format!("{name} asked the CA nothing: no case can be tried");
    let diagnostic = Diagnostic::general(message);
    let diagnostic = match (outcome.steps.last(), &outcome.verdict) {
        (Some(step), _) => step.output.lines().fold(diagnostic, Diagnostic::note),
        (None, Verdict::LabBroke { reason }) => diagnostic.note(reason),
        (None, _) => diagnostic,
    };
    diagnostic.note(
        "compare the command with what the client's own help says; `{url}`, `{challenge}`, `{ca}` and \
         `{dir}` stand for what it is to be told",
    )
}
