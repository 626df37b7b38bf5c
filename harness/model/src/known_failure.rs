//! What a ledger and a target file say of a failure that is known.

use diagnostics::Place;
use diagnostics::yaml::{Fields, Problems};
use results::KnownFailure;

/// Reads why a failure is known, and how; `because` is the field that says why, and `place` is where the failure is named.
pub fn known_failure(
    fields: &Fields<'_>,
    because: &str,
    place: &Place,
    problems: &Problems,
) -> Option<KnownFailure> {
    let required = |key| fields.required(key).and_then(|node| node.text(problems));
    let (because, source) = (required(because), required("source"));
    let until = fields.optional("until");
    let until = until.and_then(|node| node.parsed("a day such as `2026-12-31`", problems));
    Some(KnownFailure {
        because: because?,
        source: source?,
        ticket: fields.optional("ticket").and_then(|node| node.text(problems)),
        until,
        at: format!("{}:{}", place.source().path(), place.line()),
    })
}
