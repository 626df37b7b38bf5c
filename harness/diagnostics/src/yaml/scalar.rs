//! Typed values of scalars.

use std::str::FromStr;
use std::time::Duration;

use regex::{Regex, RegexBuilder};

use super::advice::{Wanted, on_kind};
use super::pattern::PatternError;
use super::{Node, Problems, Value};
use crate::{Diagnostic, Located, Place};

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
        let text = self.scalar(expected, problems)?;
        let value = duration(text);
        if value.is_none() {
            let wrong = self.unexpected(Wanted::Text, expected);
            let meant = meant_duration(text).map(|meant| format!("did you mean `{meant}`?"));
            problems.add(wrong.label(meant.unwrap_or_default()));
        }
        value
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

/// The duration that a text in another form means: `30` is `30s`, `1.5s` is `1500ms`, `1h` is `60m`, and `1m30s` is `90s`.
fn meant_duration(text: &str) -> Option<String> {
    let (mut rest, mut total) = (text.trim(), 0_u64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..end];
        rest = rest[end..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match rest[..end].to_ascii_lowercase().as_str() {
            "ms" | "msec" | "millis" | "milliseconds" => 1,
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hr" | "hour" | "hours" => 3_600_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let digits: u64 = [whole, fraction].concat().parse().ok()?;
        total = total.checked_add(digits.checked_mul(unit)? / scale)?;
        rest = rest[end..].trim_start();
    }
    let units = [(60_000, "m"), (1000, "s"), (1, "ms")];
    let (unit, word) = units.into_iter().find(|(unit, _)| total.is_multiple_of(*unit))?;
    let meant = format!("{}{word}", total / unit);
    duration(&meant).filter(|it| !it.is_zero()).map(|_| meant)
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

    #[test]
    fn duration_in_another_form_is_understood() {
        for (given, meant) in [
            ("30", "30s"),
            ("5 s", "5s"),
            ("5sec", "5s"),
            ("2S", "2s"),
            ("1.5s", "1500ms"),
            ("1h", "60m"),
            ("1m30s", "90s"),
            ("1 min", "1m"),
        ] {
            assert_eq!(meant_duration(given).as_deref(), Some(meant), "{given}");
        }
        for unknown in ["", "soon", "-1s", "PT5S", "0", "99999h", "1..5s", "5 parsecs"] {
            assert_eq!(meant_duration(unknown), None, "{unknown}");
        }
    }
}
