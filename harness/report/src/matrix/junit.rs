//! A matrix as `JUnit` XML: a suite for each row, a case for each client.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::junit::{fill, finished, status, unfinished};
use matrix::{Cell, Matrix, Row, Standing};

pub(super) fn text(matrix: &Matrix) -> String {
    finished(matrix.rows.iter().map(suite), matrix.elapsed)
}

fn suite(row: &Row) -> TestSuite {
    let name = format!("{}/{}", row.scenario, row.pki);
    let mut suite = TestSuite::new(name.as_str());
    for cell in &row.cells {
        let mut case = TestCase::new(cell.client.to_string(), cell_status(cell));
        case.set_classname(name.as_str());
        if let Some(outcome) = &cell.outcome {
            fill(&mut case, outcome);
        }
        suite.add_test_case(case);
    }
    suite
}

fn cell_status(cell: &Cell) -> TestCaseStatus {
    match (&cell.standing, &cell.outcome) {
        (Standing::ExpectedFailure { reason, expected }, _) => {
            let mut status = TestCaseStatus::skipped();
            status
                .set_message(format!("fails as expected: {} ({})", reason.text, expected.because));
            status
        }
        (Standing::UnexpectedPass { expected }, _) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let message = format!("no longer fails; {} expects that it does", expected.at);
            status.set_message(message);
            status
        }
        (_, Some(outcome)) => status(outcome),
        (_, None) => unfinished("the run was interrupted before this was finished"),
    }
}
