//! Scenarios and labs as plain data, and how their files are read: all mistakes of a file at once, each at its place.
#![forbid(unsafe_code)]

pub mod lab;
mod near_files;
pub mod scenario;
pub mod scep_url;

pub use self::near_files::near_files;
use diagnostics::Place;
use diagnostics::yaml::{Fields, Node, Problems};
use results::KnownFailure;

/// Reads a known failure. The field `because` gives its reason; `place` is the place that names it.
pub fn known_failure(fields: &Fields<'_>, because: &str, place: &Place) -> Option<KnownFailure> {
    let (because, source) =
        (fields.required_as(because, Node::text), fields.required_as("source", Node::text));
    let day =
        |node: &Node, problems: &Problems| node.parsed("a day such as `2026-12-31`", problems);
    let until = fields.optional_as("until", day);
    Some(KnownFailure {
        because: because?,
        source: source?,
        ticket: fields.optional_as("ticket", Node::text),
        until,
        at: format!("{}:{}", place.source().path(), place.line()),
    })
}
