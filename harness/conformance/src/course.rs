//! The order in which cases began and ended. A peer that stops working refuses whatever it gets, so a refusal is proved only by an
//! enrolment after it.

use std::collections::HashMap;

use super::case::runs_client;
use super::judge::is_unproved;
use super::repetition::LONG;
use model::scenario::Scenario;
use results::{Outcome, ScenarioOutcome, Skip, Verdict};

/// The order in which cases began and ended, and the enrolments among them.
#[derive(Debug, Default)]
pub struct Course {
    /// Ids of finished cases, in the order of their ends.
    finished: Vec<String>,
    /// The number of finished cases when each case began.
    before: HashMap<String, usize>,
    /// The number of cases that had ended when the last case with an enrolment began.
    proved: usize,
    /// The finished case with an enrolment that began last.
    last_enrolment: Option<String>,
}

impl Course {
    /// Notes that a case began.
    pub fn began(&mut self, id: &str) {
        self.before.insert(id.to_owned(), self.finished.len());
    }

    /// Notes that a case ended.
    pub fn ended(&mut self, outcome: &ScenarioOutcome) {
        self.finished.push(outcome.id.clone());
        let before = self.before.get(&outcome.id).copied().unwrap_or_default();
        if outcome.has_enrolled && before >= self.proved {
            self.proved = before;
            self.last_enrolment = Some(outcome.id.clone());
        }
    }

    /// True if so many cases ended since the last enrolment that it is time to repeat the plain exchange.
    pub fn is_long(&self) -> bool {
        self.finished.len() - self.proved >= LONG
    }

    /// The case with the last enrolment.
    pub fn last_enrolment(&self) -> Option<&str> {
        self.last_enrolment.as_deref()
    }

    /// Ids of the cases whose result may come from a peer that had stopped working: no enrolment followed, neither in the case nor
    /// in one that began after its end. They are in the order of their ends.
    pub fn unproved<'a>(&'a self, outcome: &'a Outcome, cases: &[Scenario]) -> Vec<&'a str> {
        let is_doubtful = |id: &&str| {
            let result = outcome.scenarios.iter().find(|one| one.id == **id);
            let case = cases.iter().find(|case| case.id == **id);
            matches!((result, case), (Some(result), Some(case)) if depends_on_enrolments(result, case))
        };
        let mut unproved: Vec<&str> = Vec::new();
        // A case that was repeated ended twice.
        for id in self.finished.iter().skip(self.proved).map(String::as_str).filter(is_doubtful) {
            if !unproved.contains(&id) {
                unproved.push(id);
            }
        }
        unproved
    }

    /// The one of these cases that ended first after the last enrolment; otherwise the first of them. Cases that ran at the same time as the
    /// enrolment are less suspicious, because the server worked during it.
    pub fn suspect<'a>(&self, unproved: &'a [String]) -> Option<&'a str> {
        let last = self.last_enrolment.as_ref();
        let position = last.and_then(|last| self.finished.iter().position(|id| id == last));
        let after = self.finished.iter().skip(position.map_or(0, |it| it + 1));
        let mut suspects = after.filter_map(|id| unproved.iter().find(|one| *one == id));
        suspects.next().or(unproved.first()).map(String::as_str)
    }

    /// Replaces the results of unproved cases by a skip, which also has what the case was answered; returns their ids.
    pub fn take_back(&self, outcome: &mut Outcome, cases: &[Scenario], skip: &Skip) -> Vec<String> {
        let unproved = self.unproved(outcome, cases);
        let unproved: Vec<String> = unproved.into_iter().map(str::to_owned).collect();
        for one in outcome.scenarios.iter_mut().filter(|one| unproved.contains(&one.id)) {
            let particulars = answered(one).into_iter().collect();
            one.verdict = Verdict::Skipped(Skip { particulars, ..skip.clone() });
        }
        unproved
    }
}

/// True if a result is only right about a peer that worked.
fn depends_on_enrolments(result: &ScenarioOutcome, case: &Scenario) -> bool {
    let is_result = matches!(result.verdict, Verdict::Passed | Verdict::Failed(_));
    is_result && !result.has_enrolled && (runs_client(case) || is_unproved(case, &result.verdict))
}

/// The answer in the last step of a case, in a line.
fn answered(scenario: &ScenarioOutcome) -> Option<String> {
    let step = scenario.steps.last()?;
    let line = step.output.lines().find(|line| !line.trim().is_empty())?;
    Some(format!("step {}, {}: {}", step.number, step.title, line.trim()))
}
