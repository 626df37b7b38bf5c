//! Typed values of scalars.

use std::str::FromStr;
use std::time::Duration;

use regex::{Regex, RegexBuilder};

use super::{Node, Problems, Value};
use crate::{Diagnostic, Located, Place};

/// Memory limit of a compiled regular expression, in bytes.
const REGEX_SIZE_LIMIT: usize = 1024 * 1024;

impl Node {
    /// The text of a scalar, or a problem.
    pub fn text(&self, problems: &Problems) -> Option<String> {
        self.scalar("a text", problems).map(str::to_owned)
    }

    /// The text of a scalar and its place, or a problem.
    pub fn located(&self, problems: &Problems) -> Option<Located<String>> {
        Some(Located { value: self.text(problems)?, place: self.place.clone() })
    }

    /// `true` or `false`, or a problem.
    pub fn boolean(&self, problems: &Problems) -> Option<bool> {
        let value = match &self.value {
            Value::Scalar { text, plain: true } => text.parse().ok(),
            _ => None,
        };
        self.unless_none(value, "`true` or `false`", problems)
    }

    /// The value of a text, or a problem with a description of the expected value.
    pub fn parsed<T: FromStr>(&self, expected: &str, problems: &Problems) -> Option<T> {
        let value = self.scalar(expected, problems)?.parse().ok();
        self.unless_none(value, expected, problems)
    }

    /// A duration with a unit, or a problem.
    pub fn duration(&self, problems: &Problems) -> Option<Duration> {
        let expected = "a duration with its unit, such as `500ms`, `2s` or `1m`";
        let value = duration(self.scalar(expected, problems)?);
        self.unless_none(value, expected, problems)
    }

    /// A regular expression, in which `^` and `$` match the ends of each line; or a problem at the wrong part of it, with an
    /// optional note.
    pub fn regex(&self, note: Option<&str>, problems: &Problems) -> Option<Regex> {
        let text = self.text(problems)?;
        let wrong = |diagnostic: Diagnostic| {
            problems.add(match note {
                Some(note) => diagnostic.note(note),
                None => diagnostic,
            });
        };
        if let Err(error) = regex_syntax::ast::parse::Parser::new().parse(&text) {
            let place = self.place_of(error.span().start.offset, error.span().end.offset);
            wrong(Diagnostic::at(&place, no_regex(&error.kind().to_string())));
            return None;
        }
        match RegexBuilder::new(&text).multi_line(true).size_limit(REGEX_SIZE_LIMIT).build() {
            Ok(regex) => return Some(regex),
            Err(regex::Error::CompiledTooBig(limit)) => {
                let message = format!("the regular expression takes more than {limit} bytes");
                problems.add(Diagnostic::at(&self.place, message));
            }
            Err(error) => {
                let words = error.to_string();
                let last = words.lines().last().unwrap_or_default();
                let message = no_regex(last.strip_prefix("error: ").unwrap_or(last));
                wrong(Diagnostic::at(&self.place, message));
            }
        }
        None
    }

    /// One of the named values, or a problem with their list.
    pub fn one_of<T: Copy>(
        &self,
        what: &str,
        names: &[(&str, T)],
        problems: &Problems,
    ) -> Option<T> {
        let text = self.scalar(what, problems)?;
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let known = names.iter().map(|(name, _)| *name);
            let message = format!("unknown {what} `{text}`");
            problems.add(Diagnostic::at(&self.place, message).known(text, "known", known));
        }
        found
    }

    /// The items of a list, or a single value as a list. Anything else is a problem.
    pub fn one_or_more(&self, problems: &Problems) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar { .. } => std::slice::from_ref(self),
            Value::Null | Value::Mapping(_) => {
                self.expected("a text or a list of texts", problems);
                &[]
            }
        }
    }

    /// The items of a list, or a problem.
    pub fn items(&self, problems: &Problems) -> &[Node] {
        if let Value::Sequence(items) = &self.value {
            return items;
        }
        self.expected("a list", problems);
        &[]
    }

    /// The place of a range of bytes of the scalar's value; the whole scalar if it has escapes.
    pub fn place_of(&self, start: usize, end: usize) -> Place {
        let Value::Scalar { text, .. } = &self.value else { return self.place.clone() };
        let raw = self.place.text();
        let quote = usize::from(raw.starts_with(['"', '\'']));
        if raw.get(quote..).is_some_and(|raw| raw.starts_with(text.as_str())) {
            self.place.within(quote + start, quote + end)
        } else {
            self.place.clone()
        }
    }

    /// Adds a problem: something else was expected here.
    pub fn expected(&self, expected: &str, problems: &Problems) {
        let found = match &self.value {
            Value::Scalar { text, .. } if text.chars().count() <= 60 => format!("`{text}`"),
            _ => self.kind().to_owned(),
        };
        problems.add(Diagnostic::at(&self.place, format!("expected {expected}, found {found}")));
    }

    fn unless_none<T>(&self, value: Option<T>, expected: &str, problems: &Problems) -> Option<T> {
        if value.is_none() {
            self.expected(expected, problems);
        }
        value
    }

    fn scalar(&self, expected: &str, problems: &Problems) -> Option<&str> {
        if let Value::Scalar { text, .. } = &self.value {
            return Some(text);
        }
        self.expected(expected, problems);
        None
    }
}

fn no_regex(reason: &str) -> String {
    format!("not a regular expression: {reason}")
}

/// A whole number with a unit. A day at most, so that deadlines do not overflow.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let milliseconds = match &text[digits..] {
        "ms" => number,
        "s" => number.checked_mul(1000)?,
        "m" => number.checked_mul(60_000)?,
        _ => return None,
    };
    (milliseconds <= 24 * 60 * 60 * 1000).then(|| Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        assert_eq!(duration("1m"), Some(Duration::from_secs(60)));
        for wrong in ["", "5", "s", "1.5s", "-1s", "1h", "99999999999999999999s", "1 s", "25000m"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
