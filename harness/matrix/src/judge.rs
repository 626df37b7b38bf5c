//! Judges the cells of a matrix.

use std::collections::BTreeMap;

use super::reason::reason;
use super::{Expectation, Ledger};
use super::{Plan, PlannedRow};
use results::{Assessment, Cell, Matrix, Outcome, Row, ScenarioOutcome, Unmatched, Verdict};
use testbed::Client;

/// Puts the results of a plan's cells together, and compares them with the ledger.
pub fn judge(plan: &Plan, outcome: Outcome, ledger: &Ledger) -> Matrix {
    let mut outcomes: BTreeMap<String, ScenarioOutcome> =
        outcome.scenarios.into_iter().map(|cell| (cell.id.clone(), cell)).collect();
    let mut row = |planned: &PlannedRow| {
        let mut cell = |client: &Client| {
            let outcome = outcomes.remove(&planned.cell_id(*client));
            let version = plan.versions.get(client).map(String::as_str);
            let about = ledger
                .entries
                .iter()
                .filter(|entry| is_about(entry, planned, *client) && entry.is_of_version(version));
            let assessment = outcome.as_ref().map_or(Assessment::Unfinished, |outcome| {
                assessment(&outcome.verdict, &about.collect::<Vec<_>>())
            });
            Cell { client: client.to_string(), assessment, outcome }
        };
        Row {
            scenario: planned.scenario.id.clone(),
            title: planned.scenario.title.clone(),
            pki: planned.pki.clone(),
            pki_title: planned.scenario.lab.title.clone(),
            cells: plan.clients.iter().map(&mut cell).collect(),
        }
    };
    Matrix {
        rows: plan.rows.iter().map(&mut row).collect(),
        clients: plan.clients.iter().map(Client::to_string).collect(),
        unmatched: Vec::new(),
        elapsed: outcome.elapsed,
        interrupted: outcome.interrupted,
    }
}

/// Entries of the ledger without a cell; only meaningful for a whole matrix.
pub fn unmatched(plan: &Plan, ledger: &Ledger) -> Vec<Unmatched> {
    let is_matched = |entry: &Expectation| {
        let mut cells =
            plan.rows.iter().flat_map(|row| plan.clients.iter().map(move |client| (row, *client)));
        cells.any(|(row, client)| is_about(entry, row, client))
    };
    let unmatched = ledger.entries.iter().filter(|entry| !is_matched(entry));
    unmatched.map(|entry| Unmatched { excerpt: entry.place.excerpt() }).collect()
}

fn is_about(entry: &Expectation, row: &PlannedRow, client: Client) -> bool {
    entry.is_about(&row.scenario.id, &row.pki, client)
}

/// Assessment of a cell; `about` are the ledger's entries about it.
fn assessment(verdict: &Verdict, about: &[&Expectation]) -> Assessment {
    let known = |entry: &&Expectation| entry.known.clone();
    match verdict {
        Verdict::Passed => match about.first() {
            Some(entry) => Assessment::UnexpectedPass { expected: known(entry) },
            None => Assessment::Passed,
        },
        Verdict::Failed(failure) => {
            let reason = reason(failure);
            match about.iter().find(|entry| entry.matches(&reason)) {
                Some(entry) => Assessment::ExpectedFailure { reason, expected: known(entry) },
                None => Assessment::Failed { reason, expected: about.first().map(known) },
            }
        }
        other => other.clone().into(),
    }
}
