//! What became of a matrix, as a table for people and as files for programs.

mod json;
mod junit;
mod markdown;
mod sheet;
pub mod terminal;

use super::Kind;
use matrix::Matrix;

/// The text of a report.
pub fn text(kind: Kind, matrix: &Matrix) -> String {
    match kind {
        Kind::Junit => junit::text(matrix),
        Kind::Json => json::text(matrix),
        Kind::Markdown => markdown::text(matrix),
    }
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests;
