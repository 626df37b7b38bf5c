//! Small differences between a pattern and an output that nearly has it.

use regex::{Regex, RegexBuilder};

use model::scenario::{Check, Pattern};

/// The longest output that is compared, in bytes.
const COMPARED: usize = 64 * 1024;

/// Characters that word processors put in place of those of a keyboard.
const TYPOGRAPHIC: [(char, &str); 10] = [
    ('\u{2018}', "'"),
    ('\u{2019}', "'"),
    ('\u{201a}', "'"),
    ('\u{201c}', "\""),
    ('\u{201d}', "\""),
    ('\u{201e}', "\""),
    ('\u{2013}', "-"),
    ('\u{2014}', "-"),
    ('\u{2026}', "..."),
    ('\u{a0}', " "),
];

/// What a small change of a pattern would find in the output, for a check that must find it.
pub(super) fn near_miss(output: &str, check: &Check) -> Option<String> {
    if !check.found || output.len() > COMPARED {
        return None;
    }
    let changes: [fn(&str, &Pattern) -> Option<String>; 6] =
        [typographic, blanks, case, line_ends, other_kind, placeholder];
    changes.iter().find_map(|change| change(output, &check.pattern))
}

/// Typographic quotes, dashes and blanks.
fn typographic(_: &str, pattern: &Pattern) -> Option<String> {
    let text = text(pattern);
    let (found, plain) = TYPOGRAPHIC.iter().find(|(c, _)| text.contains(*c))?;
    let name = match *plain {
        " " => "a non-breaking blank".to_owned(),
        _ => format!("the typographic `{found}`"),
    };
    let quotes = "; around a text, YAML takes only `'` and `\"` for quotes";
    let advice = if matches!(*plain, "'" | "\"") { quotes } else { "" };
    Some(format!("the pattern has {name}, which is another character than `{plain}`{advice}"))
}

/// The same with other white space.
fn blanks(output: &str, pattern: &Pattern) -> Option<String> {
    let flexible = match pattern {
        Pattern::Token(token) => {
            let words: Vec<String> = token.split_whitespace().map(regex::escape).collect();
            let outer = |at: bool| if at { r"\s*" } else { "" };
            let starts = token.starts_with(char::is_whitespace);
            let ends = token.ends_with(char::is_whitespace);
            [outer(starts), &words.join(r"\s+"), outer(ends)].concat()
        }
        Pattern::Regex(regex) => with_any_blanks(regex.as_str()),
    };
    let is_same = flexible == text(pattern) || text(pattern).trim().is_empty();
    let found = !is_same && compiled(&flexible)?.is_match(output);
    found.then(|| {
        let wanted = flexible.trim_start_matches(r"\s*").trim_end_matches(r"\s*");
        format!("the output differs in blanks or line ends alone: use `matches: '{wanted}'`")
    })
}

/// An expression whose blanks match any white space.
fn with_any_blanks(expression: &str) -> String {
    let mut flexible = String::new();
    let mut rest = expression;
    while let Some(start) = rest.find(' ') {
        let blanks = rest.len() - rest[start..].trim_start_matches(' ').len() - start;
        let (before, after) = (&rest[..start], &rest[start + blanks..]);
        flexible.push_str(before);
        // A blank within a class or before a repetition means something else.
        let is_plain =
            !before.ends_with(['\\', '[']) && !after.starts_with(['*', '+', '?', '{', ']']);
        flexible.push_str(if is_plain { r"\s+" } else { &rest[start..start + blanks] });
        rest = after;
    }
    flexible + rest
}

/// The same in other case.
fn case(output: &str, pattern: &Pattern) -> Option<String> {
    let expression = expression(pattern);
    let found = RegexBuilder::new(&expression).multi_line(true).case_insensitive(true).build();
    let found = found.ok()?.find(output)?.as_str().to_owned();
    Some(match pattern {
        Pattern::Token(_) => format!("the output has it in other case: `{}`", shortened(&found)),
        Pattern::Regex(regex) => {
            format!("the output has it in other case: `(?i){}` ignores that", regex.as_str())
        }
    })
}

/// The same if `.` also matches the end of a line.
fn line_ends(output: &str, pattern: &Pattern) -> Option<String> {
    let Pattern::Regex(regex) = pattern else { return None };
    let across = format!("(?s){}", regex.as_str());
    compiled(&across)?.is_match(output).then(|| {
        format!("`.` does not match the end of a line: `{across}` also looks across lines")
    })
}

/// An expression in `contains`, or a literal text in `matches`.
fn other_kind(output: &str, pattern: &Pattern) -> Option<String> {
    match pattern {
        Pattern::Token(token) if token.contains(['\\', '*', '+', '^', '$', '|', '[', '(']) => {
            let found = compiled(token)?.is_match(output);
            found.then(|| "it is found as a regular expression: use `matches`".to_owned())
        }
        Pattern::Regex(regex) if output.contains(regex.as_str()) => {
            let escaped = regex::escape(regex.as_str());
            Some(format!(
                "it is found literally: use `contains`, or escape the signs: `matches: '{escaped}'`"
            ))
        }
        _ => None,
    }
}

/// A placeholder, which no check fills in.
fn placeholder(_: &str, pattern: &Pattern) -> Option<String> {
    let text = text(pattern);
    let (_, rest) = text.split_once("{{")?;
    let (name, _) = rest.split_once("}}")?;
    Some(format!("`{{{{{name}}}}}` is searched as it is: only `scep` steps use saved facts"))
}

fn text(pattern: &Pattern) -> &str {
    match pattern {
        Pattern::Regex(regex) => regex.as_str(),
        Pattern::Token(token) => token,
    }
}

/// The pattern as an expression.
fn expression(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Regex(regex) => regex.as_str().to_owned(),
        Pattern::Token(token) => regex::escape(token),
    }
}

fn compiled(expression: &str) -> Option<Regex> {
    RegexBuilder::new(expression).multi_line(true).size_limit(1 << 20).build().ok()
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use diagnostics::Source;

    use super::*;

    const TABLE: &str = "Certificate  Status\nca           Valid\nusercert     Valid   -\n";

    fn hint(pattern: Pattern) -> Option<String> {
        let place = Source::new("a", String::new()).place(0, 0);
        near_miss(TABLE, &Check { pattern, found: true, place })
    }

    fn token(text: &str) -> Option<String> {
        hint(Pattern::Token(text.to_owned()))
    }

    fn regex(text: &str) -> Option<String> {
        hint(Pattern::Regex(compiled(text).unwrap()))
    }

    #[track_caller]
    fn assert_says(hint: Option<String>, words: &str) {
        let hint = hint.unwrap_or_default();
        assert!(hint.contains(words), "{hint}");
    }

    #[test]
    fn other_blanks_are_recognised() {
        let expected = r"differs in blanks or line ends alone: use `matches: 'usercert\s+Valid'`";
        assert_says(token("usercert Valid"), expected);
        assert_says(token("usercert\tValid"), expected);
        assert_says(regex("usercert Valid"), expected);
        assert_says(token("ca Valid\nusercert"), "in blanks or line ends");
        assert_says(token("Status\r\nca"), "in blanks or line ends");
        assert_says(token("usercert     Valid  -"), "in blanks or line ends");
    }

    #[test]
    fn other_case_is_recognised() {
        assert_says(token("USERCERT"), "in other case: `usercert`");
        assert_says(regex(r"usercert\s+valid"), r"`(?i)usercert\s+valid` ignores that");
    }

    #[test]
    fn pattern_across_lines_is_recognised() {
        assert_says(regex(r"ca\s+Valid.*usercert\s+Valid"), r"`(?s)ca\s+Valid.*usercert\s+Valid`");
        assert_says(regex(r"Status.+usercert"), "does not match the end of a line");
    }

    #[test]
    fn expression_and_literal_text_are_distinguished() {
        assert_says(token(r"usercert\s+Valid"), "use `matches`");
        let place = Source::new("a", String::new()).place(0, 0);
        let pattern = Pattern::Regex(compiled("a (b)").unwrap());
        assert_says(near_miss("x a (b)", &Check { pattern, found: true, place }), "use `contains`");
    }

    #[test]
    fn typographic_characters_are_recognised() {
        assert_says(regex("\u{2018}usercert\u{2019}"), "typographic `\u{2018}`");
        assert_says(token("\u{201c}usercert\u{201d}"), "YAML takes only");
        assert_says(token("usercert\u{a0}Valid"), "non-breaking blank");
        assert_says(token("user\u{2013}cert"), "another character than `-`");
    }

    #[test]
    fn placeholder_in_a_check_is_recognised() {
        assert_says(token("serial {{serial}}"), "`{{serial}}` is searched as it is");
    }

    #[test]
    fn other_patterns_have_no_hint() {
        assert_eq!(token("Failed"), None);
        assert_eq!(regex(r"usercert\s+Failed"), None);
        assert_eq!(regex(r"^Valid"), None);
    }
}
