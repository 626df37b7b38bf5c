//! Each acceptable outcome of a case can happen: none is implied by an earlier one in its list, which would decide in its place.

use model::scenario::scep::{Acceptable, Condition, Expected, FactName};
use model::scenario::{Action, Step};

use super::cases;

/// True if everything that one condition accepts is accepted by the other one.
fn implies<F: FactName>(narrow: &Condition<F>, wide: &Condition<F>) -> bool {
    narrow.expected.iter().all(|expected| match expected {
        Expected::Text(value) => {
            let value = (value != "absent").then_some(value.as_str());
            wide.holds(value, |text| Some(text.to_owned()))
        }
        Expected::Range(from, to) => wide
            .expected
            .iter()
            .any(|it| matches!(it, Expected::Range(least, most) if least <= from && to <= most)),
        Expected::Not(_) | Expected::Matches(_) => {
            wide.expected.iter().any(|it| format!("{it:?}") == format!("{expected:?}"))
        }
    })
}

/// Places of the outcomes that an earlier one implies.
fn unreachable<F: FactName>(outcomes: &[Acceptable<F>]) -> Vec<String> {
    let is_implied_by = |later: &Acceptable<F>, earlier: &Acceptable<F>| {
        earlier.conditions.iter().all(|wide| {
            let same = later.conditions.iter().filter(|narrow| narrow.fact == wide.fact);
            same.into_iter().any(|narrow| implies(narrow, wide))
        })
    };
    let places = outcomes.iter().enumerate().filter_map(|(index, later)| {
        let earlier = outcomes[..index].iter().find(|earlier| is_implied_by(later, earlier))?;
        let line = |one: &Acceptable<F>| one.place.excerpt().line;
        let path = later.place.excerpt().path;
        Some(format!("{path}:{} is implied by line {}", line(later), line(earlier)))
    });
    places.collect()
}

fn unreachable_of(step: &Step) -> Vec<String> {
    match &step.action {
        Action::Scep(it) => unreachable(&it.acceptable),
        Action::Client(it) => unreachable(&it.acceptable),
        Action::Seen(it) => unreachable(&it.acceptable),
        _ => Vec::new(),
    }
}

#[test]
fn no_outcome_of_a_case_is_implied_by_an_earlier_one() {
    let cases = cases("");
    let count = cases.iter().flat_map(|case| &case.steps).count();
    assert!(count > 300, "{count}");
    let found: Vec<_> =
        cases.iter().flat_map(|case| &case.steps).flat_map(unreachable_of).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn implied_outcome_is_noticed() {
    let text = "title: T
lab: {pki: {ca: {personality: rfc8894}}}
steps:
  - scep:
      send: PKCSReq
      accept:
        - {http: 400..599, status: not SUCCESS}
        - {http: [200, 204], issued: absent}
        - {http: 500, status: not SUCCESS, issued: absent}
        - {http: 200, issued: absent, note: never}
";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.yaml");
    std::fs::write(&path, text).unwrap();
    let found = model::scenario::discover(&[path]).unwrap();
    let case = model::scenario::load(&found[0], None).unwrap();
    let lines: Vec<String> = case.steps.iter().flat_map(unreachable_of).collect();
    let ends = ["case.yaml:9 is implied by line 7", "case.yaml:10 is implied by line 8"];
    assert_eq!(lines.len(), ends.len(), "{lines:?}");
    assert!(lines.iter().zip(ends).all(|(line, end)| line.ends_with(end)), "{lines:?}");
}
