//! Repetitions of the plain exchange between and after the cases: they show that the peer still works, so that its refusals mean
//! something.

use super::case::{enrols, runs_client, sends_messages};
use model::scenario::Scenario;

/// The number of cases in a row without an enrolment after which the plain exchange is repeated.
const ROW: usize = 10;

/// The number of cases since the last enrolment after which the plain exchange is repeated once, even if a right peer would have
/// enrolled in some of them.
pub(super) const LONG: usize = 20;

/// The cases, and the plain exchange again after each long row of cases in which a right peer does not enrol. The repetition after
/// the last case is not among them.
pub fn with_repetitions(cases: Vec<Scenario>, plain: &Scenario) -> Vec<Scenario> {
    let (mut all, mut row) = (Vec::new(), 0);
    for (number, case) in (1..).zip(cases) {
        row = row_after(row, &case);
        all.push(case);
        if row == ROW {
            all.push(repetition(plain, number));
            row = 0;
        }
    }
    all
}

/// The plain exchange after this number of cases, under an id of its own.
pub fn repetition(plain: &Scenario, number: usize) -> Scenario {
    Scenario { id: format!("{} (again, after {number})", plain.id), ..plain.clone() }
}

/// Maximum number of repetitions for cases in this order: one after each long row, one at the end, and one if no enrolment comes.
pub(super) fn repetitions<'a>(cases: impl Iterator<Item = &'a Scenario>) -> usize {
    let (mut count, mut row, mut is_doubtful, mut total) = (0, 0, false, 0);
    for case in cases {
        total += 1;
        row = row_after(row, case);
        is_doubtful |= row > 0;
        if row == ROW {
            (count, row) = (count + 1, 0);
        }
    }
    count + usize::from(is_doubtful) + usize::from(is_doubtful && total >= LONG)
}

/// The length of the row after one more case.
fn row_after(row: usize, case: &Scenario) -> usize {
    if enrols(case) { 0 } else { row + usize::from(sends_messages(case) || runs_client(case)) }
}
