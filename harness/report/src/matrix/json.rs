//! A matrix as JSON.

use serde::Serialize;

use crate::json::pretty;
use matrix::{Counts, Matrix};

/// The version of the format; it grows when a field changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    counts: Counts,
    #[serde(flatten)]
    matrix: &'a Matrix,
}

pub(super) fn text(matrix: &Matrix) -> String {
    pretty(&Report { version: VERSION, counts: matrix.counts(), matrix })
}
