//! The failures in results of any kind, each with a report about it alone.

use ::report::{Format, Reported};
use results::{ConformanceReport, Failure, Matrix, Outcome, Row, ScenarioOutcome, Status, Verdict};

/// A failure.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    /// The outcome; its id is that under which the lab was built.
    pub(super) outcome: ScenarioOutcome,
    /// The report about it alone, in JSON.
    pub(super) report: String,
    /// Name of its client, if it differs from failure to failure.
    pub(super) client: Option<String>,
}

/// Results in which there may be failures.
pub(crate) trait Failures: Reported {
    /// The failures.
    fn failures(&self) -> Vec<Failed>;
}

impl Failed {
    fn of(outcome: &ScenarioOutcome, alone: &impl Reported) -> Self {
        let report = Format::Json.text(alone);
        Self { outcome: outcome.clone(), report, client: None }
    }

    /// The failure of a step.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.outcome.verdict {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

impl Failures for Outcome {
    fn failures(&self) -> Vec<Failed> {
        let failed = self.scenarios.iter().filter(|one| one.verdict.status() == Status::Failed);
        let failed = failed.map(|one| {
            let alone = Outcome {
                scenarios: vec![one.clone()],
                unfinished: Vec::new(),
                selected: 1,
                elapsed: one.elapsed,
                interrupted: false,
                caution: None,
            };
            Failed::of(one, &alone)
        });
        failed.collect()
    }
}

impl Failures for ConformanceReport {
    fn failures(&self) -> Vec<Failed> {
        let failed = self.cases.iter().filter(|case| case.assessment.status() == Status::Failed);
        let failed = failed.map(|case| {
            let mut requirements = self.requirements.clone();
            requirements.retain(|one| one.requirement == case.requirement);
            let alone = Self {
                requirements,
                cases: vec![case.clone()],
                unfinished: Vec::new(),
                issued: case.scenario.received.clone(),
                challenges: case.scenario.challenges,
                ..self.clone()
            };
            Failed::of(&case.scenario, &alone)
        });
        failed.collect()
    }
}

impl Failures for Matrix {
    fn failures(&self) -> Vec<Failed> {
        let cells = self.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
        let failed = cells.filter(|(_, cell)| cell.assessment.status() == Status::Failed);
        let failed = failed.filter_map(|(row, cell)| {
            let outcome = cell.outcome.as_ref()?;
            let alone = Self {
                clients: vec![cell.client.clone()],
                rows: vec![Row { cells: vec![cell.clone()], ..row.clone() }],
                unmatched: Vec::new(),
                elapsed: outcome.elapsed,
                interrupted: false,
            };
            Some(Failed { client: Some(cell.client.clone()), ..Failed::of(outcome, &alone) })
        });
        failed.collect()
    }
}
