//! What can be wrong with a rule.

use scep::named::UnknownName;

use super::{Fault, FaultRule, Trigger};
use crate::personality::PersonalityName;

/// Why a text is no rule, or a rule cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// It is not made as a rule is.
    #[error(
        "`{0}` is no rule (it is like `on: PKIOperation, nth: 2, do: http-status 503`, without `nth` for each time)"
    )]
    Form(String),
    /// No request is called so.
    #[error(transparent)]
    UnknownTrigger(#[from] UnknownName),
    /// No fault is called so.
    #[error("`{name}` is no fault ({hint})")]
    UnknownFault {
        /// What was given.
        name: String,
        /// Names that are like it, or all of them.
        hint: String,
    },
    /// The number of the request is none.
    #[error("`{0}` is no number of a request (the first is 1)")]
    Nth(String),
    /// The fault takes another value, or none.
    #[error("`{fault}` takes {expected}, not `{given}`")]
    Value {
        /// The fault's name.
        fault: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What was given.
        given: String,
    },
    /// The fault has nothing to do with the request.
    #[error("`{fault}` never happens on {trigger} (it does on {fitting})", fitting = list(fitting(*fault)))]
    Misfit {
        /// The fault.
        fault: Fault,
        /// What it was to wait for.
        trigger: Trigger,
    },
    /// The server has not got what the fault is about.
    #[error("`{}` cannot happen at a `{personality}`, which has not got such certificates", .rule.fault)]
    Unsuited {
        /// The rule.
        rule: FaultRule,
        /// The server.
        personality: PersonalityName,
    },
}

impl FaultError {
    pub(super) fn unknown_fault(name: &str) -> Self {
        let near = near(name);
        let hint = if near.is_empty() {
            format!("known: {}", list(Fault::ALL.iter().map(|fault| fault.name())))
        } else {
            let quoted: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
            format!("did you mean {}?", quoted.join(" or "))
        };
        Self::UnknownFault { name: name.to_owned(), hint }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn fitting(fault: Fault) -> impl Iterator<Item = &'static str> {
    let fits = move |trigger: &Trigger| fault.fits(*trigger);
    Trigger::ALL.into_iter().filter(fits).map(Trigger::as_str)
}

/// The names that are like this one, the likest first: by their letters, or because it is a part of them.
fn near(name: &str) -> Vec<&'static str> {
    const ENOUGH: f64 = 0.7;
    const AT_MOST: usize = 4;
    let likeness = |known: &'static str| {
        let is_part = name.len() > 2 && known.contains(name);
        let likeness = strsim::normalized_damerau_levenshtein(name, known);
        (if is_part { likeness.max(ENOUGH) } else { likeness }, known)
    };
    let mut near: Vec<_> = Fault::ALL.iter().map(|fault| likeness(fault.name())).collect();
    near.retain(|(likeness, _)| *likeness >= ENOUGH);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().map(|(_, known)| known).take(AT_MOST).collect()
}
