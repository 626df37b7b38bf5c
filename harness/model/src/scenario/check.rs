//! Checks of a step on an output, and the fields that give them.

use regex::Regex;

use super::typographic;
use diagnostics::yaml::{Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Place};

/// An expectation about an output.
#[derive(Debug, Clone)]
pub struct Check {
    /// Pattern that is searched for.
    pub pattern: Pattern,
    /// True if it must be found, false if it must not.
    pub found: bool,
    /// Place in the file.
    pub place: Place,
}

/// Pattern to search for in an output.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A regular expression; `^` and `$` match the ends of each line.
    Regex(Regex),
    /// A literal text.
    Token(String),
}

impl Check {
    /// True if the output is as expected.
    pub fn holds(&self, output: &str) -> bool {
        let found = match &self.pattern {
            Pattern::Regex(regex) => regex.is_match(output),
            Pattern::Token(token) => output.contains(token.as_str()),
        };
        found == self.found
    }
}

/// The fields that [`checks`] reads.
pub(super) const FIELDS: [&str; 4] = ["matches", "contains", "matches_not", "contains_not"];

/// Advice about a wrong regular expression.
const LITERALLY: &str = "use `contains` to find a text literally";

/// Reads the checks of a step, in the order of [`FIELDS`].
pub(super) fn checks(fields: &Fields<'_>, problems: &Problems) -> Vec<Check> {
    FIELDS
        .into_iter()
        .flat_map(|field| {
            let nodes = fields.optional(field).map(|node| given(field, node, problems));
            nodes.unwrap_or_default().iter().filter_map(move |node| check(field, node, problems))
        })
        .collect()
}

/// The items of a field. An empty list would check nothing and always pass.
fn given<'a>(field: &str, node: &'a Node, problems: &Problems) -> &'a [Node] {
    let nodes = node.one_or_more(problems);
    if nodes.is_empty() && matches!(node.value, Value::Sequence(_)) {
        problems.add(Diagnostic::at(
            &node.place,
            format!("`{field}` is an empty list, so it would check nothing"),
        ));
    }
    nodes
}

fn check(field: &str, node: &Node, problems: &Problems) -> Option<Check> {
    let text = node.text(problems)?;
    typographic::refuse_value(node, problems);
    if text.is_empty() {
        let message = format!("an empty text in `{field}` is found everywhere");
        problems.add(Diagnostic::at(&node.place, message));
        return None;
    }
    let pattern = match field {
        "matches" | "matches_not" => Pattern::Regex(node.regex(Some(LITERALLY), problems)?),
        _ => Pattern::Token(text),
    };
    Some(Check { pattern, found: !field.ends_with("_not"), place: node.place.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    fn read(text: &str) -> (Vec<Check>, Vec<String>) {
        let node = diagnostics::yaml::parse(&Source::new("a.yaml", text.to_owned())).unwrap();
        let problems = Problems::default();
        let fields = Fields::of(&node, "a run step", &FIELDS, &problems).unwrap();
        let checks = checks(&fields, &problems);
        let shown = problems.of_file(&node).iter().map(ToString::to_string).collect();
        (checks, shown)
    }

    #[test]
    fn a_wrong_expression_is_reported_at_its_place() {
        for text in
            ["matches: ['ca\\s+(Valid']\n", "matches: [\"ca +(Valid\"]\n", "matches: ca +(Valid\n"]
        {
            let (_, shown) = read(text);
            assert!(shown[0].contains("unclosed group"), "{}", shown[0]);
            let lines: Vec<&str> = shown[0].lines().collect();
            assert_eq!(lines[3].find('('), lines[4].find('^'), "{}", shown[0]);
        }
    }

    #[test]
    fn an_expression_that_takes_too_much_memory_is_rejected() {
        let (_, shown) = read("matches: ['(\\w{1000}){1000}']\n");
        assert!(shown[0].contains("takes more than 1048576 bytes"), "{}", shown[0]);
    }

    #[test]
    fn ends_of_lines_are_anchors() {
        let (checks, _) = read("matches: '^ca .*Valid$'\ncontains_not: Failed\n");
        assert!(checks.iter().all(|check| check.holds("x\nca  Valid\ny")));
        assert!(!checks[1].holds("Failed"));
    }

    #[test]
    fn empty_checks_are_rejected() {
        let (_, shown) = read("matches: []\n");
        assert!(shown[0].contains("`matches` is an empty list"));
        assert!(read("contains: ['']\n").1[0].contains("found everywhere"));
    }
}
