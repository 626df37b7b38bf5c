//! What a peer was found to do, requirement by requirement: for people, and as files for programs.

mod books;
mod json;
mod junit;
mod markdown;
pub mod terminal;

pub use self::books::{coverage_table, list};
use super::Kind;
use conformance::Report;

/// The text of a report.
pub fn text(kind: Kind, report: &Report) -> String {
    match kind {
        Kind::Junit => junit::text(report),
        Kind::Json => json::text(report),
        Kind::Markdown => markdown::text(report),
    }
}
