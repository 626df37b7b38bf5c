//! Scalars that are regular expressions.

use regex::{Regex, RegexBuilder};

use super::{Node, Problems};
use crate::Diagnostic;

/// The most memory that a compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 1024 * 1024;

impl Node {
    /// A regular expression, whose `^` and `$` stand for the ends of each line; or a problem at the place in it that is
    /// wrong, with a note for those who meant something else.
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
        match RegexBuilder::new(&text).multi_line(true).size_limit(SIZE_LIMIT).build() {
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
}

fn no_regex(reason: &str) -> String {
    format!("not a regular expression: {reason}")
}
