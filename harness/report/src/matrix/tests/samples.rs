//! Matrices for tests of reports.

use std::time::Duration;

use crate::tests::samples;
use diagnostics::{Beside, Excerpt};
use results::{Assessment, Cell, KnownFailure, Matrix, Reason, Row, Skip, SkipCause, Unmatched};

/// A matrix with cells of several kinds.
pub(super) fn matrix() -> Matrix {
    let clients = ["builtin", "strongswan", "sscep"].map(str::to_owned).to_vec();
    let row = |pki: &str, title: Option<&str>, assessments: Vec<Assessment>| Row {
        scenario: "scep/linux-pki".to_owned(),
        title: "Test SCEP Protocol With Linux PKI".to_owned(),
        pki: pki.to_owned(),
        pki_title: title.map(str::to_owned),
        cells: clients
            .iter()
            .zip(assessments)
            .map(|(client, assessment)| cell(client, assessment))
            .collect(),
    };
    Matrix {
        rows: vec![
            row(
                "linux-pki",
                None,
                vec![
                    Assessment::Passed,
                    Assessment::UnexpectedPass { expected: expected() },
                    not_installed(),
                ],
            ),
            row(
                "linux-scepserver",
                Some("scepserver | 2.1.0"),
                vec![
                    Assessment::Failed { reason: reason(), expected: None },
                    Assessment::ExpectedFailure { reason: reason(), expected: expected() },
                    not_installed(),
                ],
            ),
        ],
        clients,
        unmatched: vec![Unmatched { excerpt: excerpt() }],
        elapsed: Duration::from_millis(31_200),
        interrupted: false,
    }
}

fn not_installed() -> Assessment {
    Assessment::Skipped(Skip::new(SkipCause::NotInstalled, "sscep is not installed"))
}

fn cell(client: &str, assessment: Assessment) -> Cell {
    let index = match assessment {
        Assessment::Failed { .. } | Assessment::ExpectedFailure { .. } => Some(0),
        Assessment::Passed | Assessment::UnexpectedPass { .. } => Some(1),
        Assessment::Skipped(_) => Some(2),
        _ => None,
    };
    let outcome = index.map(|index| {
        let mut outcome = samples::outcome().scenarios.swap_remove(index);
        if client == "strongswan" {
            outcome.notes = vec!["it has no option for *this*".to_owned()];
        }
        outcome
    });
    Cell { client: client.to_owned(), assessment, outcome }
}

fn reason() -> Reason {
    let text = "PKIOperation (PKCSReq): only RSA digest encryption supported".to_owned();
    Reason { stage: "PKCSReq".to_owned(), text }
}

fn expected() -> KnownFailure {
    KnownFailure {
        because: "strongSwan 5.9.8 takes no other".to_owned(),
        source: "seen".to_owned(),
        ticket: None,
        until: None,
        at: "ledger.yaml:3".to_owned(),
    }
}

fn excerpt() -> Excerpt {
    Excerpt {
        path: "ledger.yaml".to_owned(),
        line: 9,
        column: 5,
        text: "  - client: sscep".to_owned(),
        indent: 4,
        width: 6,
        beside: Beside::default(),
    }
}
