//! Acceptable outcomes, which are conditions on facts, and how files write them.

use regex::{Regex, RegexBuilder};

use super::{Fact, FactName};
use diagnostics::yaml::{Fields, Node, Problems, Value, names};
use diagnostics::{Diagnostic, Place};
use results::SkipCause;

/// The value of a fact that is not there.
const ABSENT: &str = "absent";

/// An acceptable outcome: all its conditions hold.
#[derive(Debug, Clone)]
pub struct Acceptable<F = Fact> {
    /// Conditions.
    pub conditions: Vec<Condition<F>>,
    /// Remark for the reader about an outcome that conforms but is not the best.
    pub note: Option<String>,
    /// Reason to skip the case if this is the outcome.
    pub skip: Option<String>,
    /// The kind of that reason; [`SkipCause::Inconclusive`] if absent.
    pub because: Option<SkipCause>,
    /// Place in the file.
    pub place: Place,
}

/// A condition on a fact.
#[derive(Debug, Clone)]
pub struct Condition<F = Fact> {
    /// The fact.
    pub fact: F,
    /// The fact about the whole, without which nothing is missing from it; none if `absent` says that nothing came.
    pub whole: Option<F>,
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

impl<F: FactName> Acceptable<F> {
    /// The conditions that do not hold, in the order of the file. `value` returns a fact's value, and `filled` the text with saved facts in
    /// place of `{{name}}`, or none if one of them was absent.
    pub fn failing<'a>(
        &self,
        value: impl Fn(F) -> Option<&'a str>,
        filled: impl Fn(&str) -> Option<String>,
    ) -> Vec<&Condition<F>> {
        let says_what_came = self.conditions.iter().any(|it| {
            let actual = value(it.fact);
            let is_known = actual.is_some() || it.whole.is_none();
            it.fact.says_what_came() && is_known && it.holds(actual, &filled)
        });
        // A skip is no proof.
        let counts = says_what_came || self.skip.is_some();
        let holds = |it: &&Condition<F>| match value(it.fact) {
            Some(actual) => it.holds(Some(actual), &filled),
            None => it.holds_of_nothing(counts, it.whole.and_then(&value).is_some()),
        };
        self.conditions.iter().filter(|it| !holds(it)).collect()
    }
}

impl<F: FactName> Condition<F> {
    /// True if the actual value is one of those expected; a fact that is not there is only `absent`.
    pub fn holds(&self, actual: Option<&str>, filled: impl Fn(&str) -> Option<String>) -> bool {
        let Some(actual) = actual else { return self.accepts_absence() };
        self.expected.iter().any(|expected| match expected {
            Expected::Text(wanted) => filled(wanted).is_some_and(|wanted| wanted == actual),
            Expected::Not(unwanted) => filled(unwanted).is_some_and(|unwanted| unwanted != actual),
            Expected::Range(from, to) => {
                actual.parse().is_ok_and(|number: u64| (*from..=*to).contains(&number))
            }
            Expected::Matches(regex) => regex.is_match(actual),
        })
    }

    /// True if it accepts that the fact is not there. That proves nothing if the whole did not come either, unless the outcome
    /// also says what came.
    fn holds_of_nothing(&self, says_what_came: bool, whole_came: bool) -> bool {
        let is_another =
            |it: &Expected| matches!(it, Expected::Not(unwanted) if unwanted != ABSENT);
        let accepts = self.accepts_absence();
        accepts && (whole_came || self.whole.is_none() || says_what_came)
            || says_what_came && self.expected.iter().any(is_another)
    }

    fn accepts_absence(&self) -> bool {
        self.expected.iter().any(|it| matches!(it, Expected::Text(wanted) if wanted == ABSENT))
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

/// Reads one outcome: a mapping from facts to values.
pub(crate) fn acceptable<F: FactName>(node: &Node, problems: &Problems) -> Option<Acceptable<F>> {
    let mut known: Vec<&str> = F::ALL.iter().map(|fact| fact.name()).collect();
    known.extend(["note", "skip", "because"]);
    let fields = Fields::of(node, "an acceptable outcome", &known, problems)?;
    let conditions = names(node, "a map from facts to values", problems).iter();
    let conditions = conditions.filter_map(|entry| {
        let fact = *F::ALL.iter().find(|fact| fact.name() == entry.key)?;
        let values = entry.value.one_or_more(problems).iter();
        let expected = values.filter_map(|value| expected(fact, value, problems)).collect();
        Some(Condition { fact, whole: fact.whole(), expected, place: entry.key_place.clone() })
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
        because: fields.optional("because").and_then(|node| because(node, problems)),
        place: node.place.clone(),
    })
}

/// The kind of a reason for a skip.
fn because(node: &Node, problems: &Problems) -> Option<SkipCause> {
    let name = node.text(problems)?;
    let found = name.parse().ok();
    if found.is_none() {
        problems.add_with(|| {
            let message = format!("`{name}` is not a cause of a skip");
            let known = SkipCause::NAMED.iter().map(|(name, _)| *name);
            Diagnostic::at(&node.place, message).known(&name, "the causes", known)
        });
    }
    found
}

/// `SUCCESS`, `not absent`, `8..`, `400..599`, `/^application/`.
fn expected<F: FactName>(fact: F, node: &Node, problems: &Problems) -> Option<Expected> {
    let text = node.text(problems)?;
    if text.len() > 1 && text.starts_with('/') && text.ends_with('/') {
        let inner = &text[1..text.len() - 1];
        let regex = problems.compiled(&mut RegexBuilder::new(inner));
        if let Err(error) = &regex {
            problems.add(Diagnostic::at(&node.place, error.to_string()));
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
        problems.add_with(|| {
            let message = format!("`{}` is never `{value}`", fact.name());
            let known = fact.values().iter().copied().chain([ABSENT]);
            Diagnostic::at(&node.place, message).known(&value, "its values", known)
        });
    }
    Some(expected)
}

fn is_value<F: FactName>(fact: F, value: &str) -> bool {
    value == ABSENT || fact.values().contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::seen::SeenFact;
    use diagnostics::Source;
    use diagnostics::yaml::decoded;

    fn acceptables_of<F: FactName>(text: &str) -> Vec<Acceptable<F>> {
        decoded(&Source::new("x.yaml", text.to_owned()), acceptables::<F>).unwrap()
    }

    /// True if the outcome is accepted when only these facts are there.
    fn accepts<F: FactName>(outcome: &str, there: &[(F, &str)]) -> bool {
        let value = |fact| there.iter().find(|(known, _)| *known == fact).map(|(_, value)| *value);
        let outcomes = acceptables_of::<F>(&format!("- {outcome}\n"));
        outcomes[0].failing(value, |text| Some(text.to_owned())).is_empty()
    }

    /// The ways in which an outcome can name a fact and be true of one that is not there.
    fn of_nothing<F: FactName>(fact: F) -> [String; 4] {
        let name = fact.name();
        let other = fact.values().first().copied().unwrap_or("x");
        [
            format!("{{{name}: absent}}"),
            format!("{{{name}: not {other}}}"),
            format!("{{{name}: /.*/}}"),
            format!("{{{name}: [absent, not {other}, 0..]}}"),
        ]
    }

    /// The facts by which an outcome accepts a message that did not come.
    fn accepted<F: FactName>(there: &[(F, &str)]) -> Vec<&'static str> {
        let is_there = |fact: &F| there.iter().any(|(known, _)| known == fact);
        let missing = F::ALL.iter().filter(|fact| !is_there(fact));
        let accepted =
            missing.filter(|fact| of_nothing(**fact).iter().any(|outcome| accepts(outcome, there)));
        accepted.map(|fact| fact.name()).collect()
    }

    #[test]
    fn a_request_that_never_came_meets_no_condition_but_that_it_did_not_come() {
        assert_eq!(accepted::<SeenFact>(&[]), ["method"]);
    }

    #[test]
    fn a_request_that_cannot_be_read_meets_no_condition_about_its_contents() {
        let head = [(SeenFact::Method, "POST"), (SeenFact::Operation, "PKIOperation")];
        let of_head = ["path", "content-type", "post-offered", "base64", "digest"];
        assert_eq!(accepted(&head), of_head);
        let signed = [&head[..], &[(SeenFact::Digest, "SHA-256")]].concat();
        for inside in ["challenge", "subject", "proof-of-possession", "key-bits", "key-transport"] {
            assert!(!accepted(&signed).contains(&inside), "{inside}");
        }
        assert!(!accepts("{method: POST, challenge: absent}", &signed));
        assert!(!accepts("{digest: SHA-256, cipher: not DES}", &signed));
        assert!(accepts("{cipher: absent}", &signed));
    }

    #[test]
    fn a_reply_that_never_came_meets_no_condition_but_that_it_did_not_come() {
        assert_eq!(accepted::<Fact>(&[]), ["reply", "http"]);
        assert_eq!(accepted(&[(Fact::Reply, "none")]), ["http"]);
    }

    #[test]
    fn a_web_page_meets_no_condition_about_a_message() {
        let page = [(Fact::Reply, "HTTP"), (Fact::Http, "500"), (Fact::Body, "HTML")];
        let about_page = ["content-type", "capabilities", "ca-certificates", "signers", "encoding"];
        assert_eq!(accepted(&page), about_page);
        assert!(accepts("{http: 400..599, status: not SUCCESS}", &page));
        assert!(accepts("{body: HTML, issued: absent}", &page));
        assert!(!accepts("{fail-info: absent, issued: absent}", &page));
        assert!(!accepts("{http: 200, status: not SUCCESS}", &page));
    }

    #[test]
    fn a_skip_may_be_about_a_message_that_never_came() {
        assert!(accepts("{status: [absent, other], skip: no status}", &[(Fact::Reply, "none")]));
        assert!(accepts("{challenge: absent, skip: nothing}", &[] as &[(SeenFact, &str)]));
    }

    #[test]
    fn absent_part_of_what_came_is_accepted() {
        let message = [(Fact::Reply, "HTTP"), (Fact::Http, "200"), (Fact::Encoding, "DER")];
        assert!(accepts("{fail-info: absent}", &message));
        assert!(!accepts("{fail-info: not badAlg}", &message));
        let opened = [(SeenFact::Method, "POST"), (SeenFact::KeyBits, "2048")];
        assert!(accepts("{challenge: absent}", &opened));
    }

    #[test]
    fn a_saved_fact_that_was_absent_equals_nothing() {
        let outcomes = acceptables_of::<Fact>(
            "- {issued-serial: 'not {{first}}'}\n- {issued-serial: '{{first}}'}\n",
        );
        let value = |fact| (fact == Fact::IssuedSerial).then_some("01");
        let filled = |text: &str| (!text.contains("{{")).then(|| text.to_owned());
        assert!(outcomes.iter().all(|one| !one.failing(value, filled).is_empty()));
    }
}
