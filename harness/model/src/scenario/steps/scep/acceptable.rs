//! Acceptable outcomes, which are conditions on facts, and how files write them.

use regex::Regex;

use super::{Fact, FactName};
use diagnostics::yaml::{Fields, Node, Problems, Value, names};
use diagnostics::{Diagnostic, Place};

/// An acceptable outcome: all its conditions hold.
#[derive(Debug, Clone)]
pub struct Acceptable<F = Fact> {
    /// Conditions.
    pub conditions: Vec<Condition<F>>,
    /// Remark for the reader about an outcome that conforms but is not the best.
    pub note: Option<String>,
    /// Reason to skip the case if this is the outcome.
    pub skip: Option<String>,
    /// Place in the file.
    pub place: Place,
}

/// A condition on a fact.
#[derive(Debug, Clone)]
pub struct Condition<F = Fact> {
    /// The fact.
    pub fact: F,
    /// Expected values, of which one must be the actual one.
    pub expected: Vec<Expected>,
    /// Place in the file.
    pub place: Place,
}

/// An expected value.
#[derive(Debug, Clone)]
pub enum Expected {
    /// Exactly this text; `{{name}}` is replaced by a saved fact.
    Text(String),
    /// Any other text than this.
    Not(String),
    /// A number in this range, both ends included.
    Range(u64, u64),
    /// A text that the expression matches.
    Matches(Regex),
}

impl<F> Condition<F> {
    /// True if the actual value is one of those expected; `text` replaces saved facts.
    pub fn holds(&self, actual: &str, text: impl Fn(&str) -> String) -> bool {
        self.expected.iter().any(|expected| match expected {
            Expected::Text(wanted) => text(wanted) == actual,
            Expected::Not(unwanted) => text(unwanted) != actual,
            Expected::Range(from, to) => {
                actual.parse().is_ok_and(|number: u64| (*from..=*to).contains(&number))
            }
            Expected::Matches(regex) => regex.is_match(actual),
        })
    }
}

/// Reads a list of acceptable outcomes. Each is a mapping from facts to values.
pub(crate) fn acceptables<F: FactName>(node: &Node, problems: &Problems) -> Vec<Acceptable<F>> {
    let items = node.items(problems);
    if items.is_empty() {
        problems.add(Diagnostic::at(&node.place, "at least one outcome must be acceptable"));
    }
    items.iter().filter_map(|item| acceptable(item, problems)).collect()
}

fn acceptable<F: FactName>(node: &Node, problems: &Problems) -> Option<Acceptable<F>> {
    let mut known: Vec<&str> = F::ALL.iter().map(|fact| fact.name()).collect();
    known.extend(["note", "skip"]);
    let fields = Fields::of(node, "an acceptable outcome", &known, problems)?;
    let conditions = names(node, "a map from facts to values", problems).iter();
    let conditions = conditions.filter_map(|entry| {
        let fact = *F::ALL.iter().find(|fact| fact.name() == entry.key)?;
        let values = entry.value.one_or_more(problems).iter();
        let expected = values.filter_map(|value| expected(fact, value, problems)).collect();
        Some(Condition { fact, expected, place: entry.key_place.clone() })
    });
    let text = |key| fields.optional_as(key, Node::text);
    let conditions: Vec<_> = conditions.collect();
    let says_nothing = match &node.value {
        Value::Mapping(entries) => entries.iter().all(|entry| entry.key == "note"),
        _ => true,
    };
    if says_nothing {
        let message = "an outcome without a condition would accept anything";
        problems.add(Diagnostic::at(&node.place, message));
    }
    Some(Acceptable {
        conditions,
        note: text("note"),
        skip: text("skip"),
        place: node.place.clone(),
    })
}

/// `SUCCESS`, `not absent`, `8..`, `400..599`, `/^application/`.
fn expected<F: FactName>(fact: F, node: &Node, problems: &Problems) -> Option<Expected> {
    let text = node.text(problems)?;
    if text.len() > 1 && text.starts_with('/') && text.ends_with('/') {
        let inner = &text[1..text.len() - 1];
        let regex = regex::RegexBuilder::new(inner).size_limit(1 << 20).build();
        if let Err(error) = &regex {
            let message = format!("not a regular expression: {error}");
            problems.add(Diagnostic::at(&node.place, message));
        }
        return regex.ok().map(Expected::Matches);
    }
    if let Some((from, to)) = text.split_once("..") {
        let to = if to.is_empty() { Some(u64::MAX) } else { to.parse().ok() };
        if let (Ok(from), Some(to)) = (from.parse(), to) {
            if from > to {
                let message = format!("the range `{text}` is empty");
                problems.add(Diagnostic::at(&node.place, message));
            }
            return Some(Expected::Range(from, to));
        }
    }
    let (value, expected) = match text.strip_prefix("not ") {
        Some(value) if fact.values().is_empty() || is_value(fact, value) => {
            (value.to_owned(), Expected::Not(value.to_owned()))
        }
        _ => (text.clone(), Expected::Text(text.clone())),
    };
    if !fact.values().is_empty() && !is_value(fact, &value) && !value.contains("{{") {
        let message = format!("`{}` is never `{value}`", fact.name());
        let known = fact.values().iter().copied().chain(["absent"]);
        problems.add(Diagnostic::at(&node.place, message).known(&value, "its values", known));
    }
    Some(expected)
}

fn is_value<F: FactName>(fact: F, value: &str) -> bool {
    value == "absent" || fact.values().contains(&value)
}
