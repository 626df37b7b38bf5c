//! What came, held against the outcomes that are acceptable.

use super::{Answer, Miss, Stop};
use crate::scenario::scep::{Acceptable, FactName};

/// The answer of a step whose outcome is a set of facts: `value` tells each, and `filled` puts what was saved in place of
/// `{{name}}`.
pub(super) fn judged<'a, F: FactName>(
    acceptable: &[Acceptable<F>],
    output: String,
    value: impl Fn(F) -> &'a str,
    filled: impl Fn(&str) -> String,
) -> Result<Answer, Stop> {
    let misses_of = |one: &Acceptable<F>| misses(one, &value, &filled);
    if let Some(fitting) = acceptable.iter().find(|one| misses_of(one).is_empty()) {
        if let Some(reason) = &fitting.skip {
            return Err(Stop::NotSupported(reason.clone()));
        }
        let notes = fitting.note.iter().cloned().collect();
        return Ok(Answer { output, message: "", misses: Vec::new(), notes });
    }
    let misses = acceptable.iter().flat_map(misses_of).collect();
    let message = "none of the acceptable outcomes came";
    Ok(Answer { output, message, misses, notes: Vec::new() })
}

/// What keeps an outcome from being this one.
fn misses<'a, F: FactName>(
    acceptable: &Acceptable<F>,
    value: impl Fn(F) -> &'a str,
    filled: impl Fn(&str) -> String,
) -> Vec<Miss> {
    let failing = acceptable.conditions.iter().filter(|it| !it.holds(value(it.fact), &filled));
    failing.map(|it| Miss::at(&it.place, format!("it is {}", value(it.fact)))).collect()
}
