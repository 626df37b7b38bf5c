//! What came, held against the outcomes that are acceptable.

use super::{Answer, Miss, Stop};
use model::scenario::scep::{Acceptable, Condition, FactName};

/// The answer of a step whose outcome is a set of facts: `value` tells each, and `filled` puts what was saved in place of
/// `{{name}}`.
pub(super) fn judged<'a, F: FactName>(
    acceptable: &[Acceptable<F>],
    output: String,
    value: impl Fn(F) -> &'a str,
    filled: impl Fn(&str) -> String,
) -> Result<Answer, Stop> {
    let miss_of = |one: &Acceptable<F>| miss(one, &value, &filled);
    if let Some(fitting) = acceptable.iter().find(|one| miss_of(one).is_none()) {
        if let Some(reason) = &fitting.skip {
            return Err(Stop::NotSupported(reason.clone()));
        }
        let notes = fitting.note.iter().cloned().collect();
        return Ok(Answer { output, notes, ..Answer::default() });
    }
    let mut misses: Vec<Miss> = acceptable.iter().filter_map(miss_of).collect();
    // Two outcomes that a step implies stand at one place.
    misses.dedup_by(|a, b| a.what == b.what && a.place.excerpt() == b.place.excerpt());
    let message = "none of the acceptable outcomes came";
    Ok(Answer { output, message, misses, ..Answer::default() })
}

/// What keeps an outcome from being this one: the conditions that do not hold, at the place of the first.
fn miss<'a, F: FactName>(
    acceptable: &Acceptable<F>,
    value: impl Fn(F) -> &'a str,
    filled: impl Fn(&str) -> String,
) -> Option<Miss> {
    let holds = |it: &&Condition<F>| it.holds(value(it.fact), &filled);
    let failing: Vec<&Condition<F>> =
        acceptable.conditions.iter().filter(|it| !holds(it)).collect();
    let first = failing.first()?;
    let is = |it: &&Condition<F>| format!("{} is {}", it.fact.name(), value(it.fact));
    let label = failing.iter().map(is).collect::<Vec<_>>().join(", ");
    Some(Miss::at(&first.place, label))
}
