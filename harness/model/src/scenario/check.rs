//! What a step expects of an output, and the fields that say so.

use regex::Regex;

use diagnostics::yaml::{Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Place};

/// What is expected of an output.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is looked for.
    pub pattern: Pattern,
    /// Whether it is to be found.
    pub found: bool,
    /// Where it stands in the file.
    pub place: Place,
}

/// What is looked for in an output.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A regular expression, searched for; `^` and `$` stand for the ends of each line.
    Regex(Regex),
    /// A text, to be found literally.
    Token(String),
}

impl Check {
    /// Whether an output is as expected.
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

/// What those are told whose expression is none.
const LITERALLY: &str = "a text to be found literally goes into `contains`";

/// Reads the expectations of a step, in the order in which [`FIELDS`] lists their kinds.
pub(super) fn checks(fields: &Fields<'_>, problems: &Problems) -> Vec<Check> {
    FIELDS
        .into_iter()
        .flat_map(|field| {
            let nodes = fields.optional(field).map(|node| given(field, node, problems));
            nodes.unwrap_or_default().iter().filter_map(move |node| check(field, node, problems))
        })
        .collect()
}

/// A list with nothing in it would expect nothing, and pass.
fn given<'a>(field: &str, node: &'a Node, problems: &Problems) -> &'a [Node] {
    let nodes = node.one_or_more(problems);
    if nodes.is_empty() && matches!(node.value, Value::Sequence(_)) {
        problems.add(Diagnostic::at(&node.place, format!("`{field}` expects nothing")));
    }
    nodes
}

fn check(field: &str, node: &Node, problems: &Problems) -> Option<Check> {
    let text = node.text(problems)?;
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
    fn a_wrong_expression_is_shown_where_it_is_wrong() {
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
    fn an_expression_that_takes_too_much_memory_is_refused() {
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
    fn expectations_that_expect_nothing_are_refused() {
        let (_, shown) = read("matches: []\n");
        assert!(shown[0].contains("`matches` expects nothing"));
        assert!(read("contains: ['']\n").1[0].contains("found everywhere"));
    }
}
