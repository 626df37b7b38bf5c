//! From what became of the cells to the matrix.

use std::collections::BTreeMap;

use super::{Cell, Ledger, Matrix, Plan, PlannedRow, Reason, Row, Standing};
use model::outcome::{Outcome, ScenarioOutcome, Verdict};
use testbed::Client;

impl Matrix {
    /// Puts what became of the cells of a plan together, and holds it against the ledger.
    pub fn of(plan: &Plan, outcome: Outcome, ledger: &Ledger) -> Self {
        let elapsed = outcome.elapsed;
        let interrupted = outcome.interrupted;
        let mut outcomes: BTreeMap<String, ScenarioOutcome> =
            outcome.scenarios.into_iter().map(|cell| (cell.id.clone(), cell)).collect();
        let mut row = |planned: &PlannedRow| {
            let mut cell = |client: &Client| {
                let outcome = outcomes.remove(&planned.cell_id(*client));
                let standing = standing(planned, *client, outcome.as_ref(), ledger);
                Cell { client: *client, standing, outcome }
            };
            Row {
                scenario: planned.scenario.id.clone(),
                title: planned.scenario.title.clone(),
                pki: planned.pki.clone(),
                pki_title: planned.scenario.lab.title.clone(),
                cells: plan.clients.iter().map(&mut cell).collect(),
            }
        };
        let rows = plan.rows.iter().map(&mut row).collect();
        let clients = plan.clients.clone();
        Self { clients, rows, unmatched: Vec::new(), elapsed, interrupted }
    }
}

fn standing(
    row: &PlannedRow,
    client: Client,
    outcome: Option<&ScenarioOutcome>,
    ledger: &Ledger,
) -> Standing {
    let Some(outcome) = outcome else { return Standing::Unfinished };
    let mut entries = ledger.about(&row.scenario.id, &row.pki, client).peekable();
    match &outcome.verdict {
        Verdict::Passed => match entries.next() {
            Some(entry) => Standing::UnexpectedPass { expected: entry.expected() },
            None => Standing::Passed,
        },
        Verdict::Failed(failure) => {
            let reason = Reason::of(failure);
            let first = entries.peek().map(|entry| entry.expected());
            match entries.find(|entry| entry.foresees(&reason)) {
                Some(entry) => Standing::ExpectedFailure { reason, expected: entry.expected() },
                None => Standing::Failed { reason, expected: first },
            }
        }
        Verdict::Skipped { reason } => Standing::Skipped { reason: reason.clone() },
        Verdict::LabBroke { reason } => Standing::LabBroke { reason: reason.clone() },
        Verdict::Panicked { message } => Standing::Panicked { message: message.clone() },
    }
}
