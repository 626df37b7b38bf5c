//! Typed values of scalars.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use scep::clock::{duration, duration_text, meant_duration, moment, parse_offset};

use regex::{Regex, RegexBuilder};

use super::advice::{Wanted, on_kind};
use super::pattern::PatternError;
use super::{Node, Problems, Value};
use crate::{Diagnostic, Located, Place};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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

    /// A duration of at most a day with a unit, so that no deadline is longer than a user waits; or a problem.
    pub fn duration(&self, problems: &Problems) -> Option<Duration> {
        self.duration_up_to(
            DAY,
            "a duration with its unit, such as `500ms`, `2s` or `1m`",
            problems,
        )
    }

    /// A duration with a unit, or a problem with a description of the expected value.
    pub fn duration_up_to(
        &self,
        longest: Duration,
        expected: &str,
        problems: &Problems,
    ) -> Option<Duration> {
        let text = self.scalar(expected, problems)?;
        let value = duration(text).ok();
        if value.is_none() {
            let wrong = self.unexpected(Wanted::Text, expected);
            let meant = meant_duration(text).map(|meant| format!("did you mean `{meant}`?"));
            problems.add(wrong.label(meant.unwrap_or_default()));
        } else if value > Some(longest) {
            let wrong = self.unexpected(Wanted::Text, expected);
            problems.add(wrong.label(format!("at most `{}`", duration_text(longest))));
        }
        value.filter(|value| *value <= longest)
    }

    /// An offset of a clock in milliseconds, written as a duration with a sign such as `-5y`; or a problem.
    pub fn offset(&self, problems: &Problems) -> Option<i64> {
        let expected = "how far the clock is ahead or behind, such as `+10m` or `-5y`";
        let text = self.scalar(expected, problems)?;
        let value = parse_offset(text).ok();
        if value.is_none() {
            let wrong = self.unexpected(Wanted::Text, expected);
            let meant = meant_duration(text.trim_start_matches(['+', '-'])).map(|meant| {
                let sign = if text.starts_with('-') { '-' } else { '+' };
                format!("did you mean `{sign}{meant}`?")
            });
            problems.add(wrong.label(meant.unwrap_or_default()));
        }
        value
    }

    /// A moment in UTC such as `2026-01-01T00:00Z`, or a problem that says what is wrong with it.
    pub fn moment(&self, problems: &Problems) -> Option<SystemTime> {
        let text = self.scalar("a moment such as `2026-01-01T00:00Z`", problems)?;
        match moment(text) {
            Ok(moment) => Some(moment),
            Err(error) => {
                let wrong = format!("`{text}` is no moment of a clock: {error}");
                problems.add(Diagnostic::at(&self.place, wrong));
                None
            }
        }
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
        match problems.compiled(RegexBuilder::new(&text).multi_line(true)) {
            Ok(regex) => return Some(regex),
            Err(PatternError::Wrong(reason)) => {
                wrong(Diagnostic::at(&self.place, no_regex(&reason)));
            }
            Err(large) => problems.add(Diagnostic::at(&self.place, large.to_string())),
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
        let Value::Scalar { text, .. } = &self.value else {
            let each = names.iter().map(|(name, _)| format!("`{name}`"));
            self.expected(&each.collect::<Vec<_>>().join(" or "), problems);
            return None;
        };
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            problems.add_with(|| {
                let known = names.iter().map(|(name, _)| *name);
                let message = format!("unknown {what} `{text}`");
                Diagnostic::at(&self.place, message).known(text, "known", known)
            });
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
        self.other_kind(Wanted::List, "a list", problems);
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

    /// Adds a problem: another text was expected here.
    pub fn expected(&self, expected: &str, problems: &Problems) {
        problems.add(self.unexpected(Wanted::Text, expected));
    }

    /// Adds a problem: a value of this kind was expected here.
    pub(super) fn other_kind(&self, wanted: Wanted, expected: &str, problems: &Problems) {
        problems.add(self.unexpected(wanted, expected));
    }

    fn unexpected(&self, wanted: Wanted, expected: &str) -> Diagnostic {
        let found = match &self.value {
            Value::Scalar { text, .. } if text.chars().count() <= 60 => format!("`{text}`"),
            _ => self.kind().to_owned(),
        };
        let wrong = Diagnostic::at(&self.place, format!("expected {expected}, found {found}"));
        let advice = on_kind(self, wanted);
        advice.into_iter().fold(wrong, Diagnostic::note)
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
    PatternError::Wrong(reason.to_owned()).to_string()
}
