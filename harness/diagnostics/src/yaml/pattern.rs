//! Regular expressions of a file, with limits for the work that they take.

use std::cell::Cell;
use std::fmt;

use regex::{Error, Regex, RegexBuilder};

/// Memory limits of a compiled regular expression, in bytes; they are tried in this order.
const SIZES: [usize; 4] = [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024];

/// Memory limit of all regular expressions of a file, in bytes.
const TOTAL: usize = 32 * 1024 * 1024;

/// The memory that the regular expressions of a file have taken.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    taken: Cell<usize>,
}

/// The error for a regular expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternError {
    /// The syntax is wrong.
    Wrong(String),
    /// The regular expression takes more than so many bytes.
    Large(usize),
    /// The regular expressions of the file together take more than so many bytes.
    Many(usize),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(reason) => write!(f, "not a regular expression: {reason}"),
            Self::Large(limit) => write!(f, "the regular expression takes more than {limit} bytes"),
            Self::Many(limit) => {
                write!(f, "the regular expressions of this file take more than {limit} bytes")
            }
        }
    }
}

impl Patterns {
    /// Compiles a regular expression, and counts the limit that is enough for it.
    pub(super) fn compiled(&self, builder: &mut RegexBuilder) -> Result<Regex, PatternError> {
        for size in SIZES {
            let taken = self.taken.get() + size;
            if taken > TOTAL {
                return Err(PatternError::Many(TOTAL));
            }
            match builder.size_limit(size).build() {
                Err(Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(PatternError::Wrong(last_line(&error.to_string()))),
                Ok(regex) => {
                    self.taken.set(taken);
                    return Ok(regex);
                }
            }
        }
        let [.., largest] = SIZES;
        // The attempt was work, too.
        self.taken.set(self.taken.get() + largest);
        Err(PatternError::Large(largest))
    }
}

/// The last line of the drawing of an error: the mistake.
fn last_line(words: &str) -> String {
    let last = words.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_of_a_file_have_a_common_limit() {
        let patterns = Patterns::default();
        let compiled = |text: &str| patterns.compiled(&mut RegexBuilder::new(text));
        assert!(compiled("a").is_ok());
        assert_eq!(patterns.taken.get(), SIZES[0]);
        assert_eq!(compiled(r"\w{999}").unwrap_err(), PatternError::Large(SIZES[3]));
        let large = TOTAL / SIZES[3];
        let refused: Vec<_> = (0..large).map(|_| compiled(r"\w{999}").unwrap_err()).collect();
        assert_eq!(refused.last(), Some(&PatternError::Many(TOTAL)));
    }

    #[test]
    fn wrong_regular_expression_is_explained_in_one_line() {
        let unclosed = format!("{}(", "a".repeat(3));
        let wrong = Patterns::default().compiled(&mut RegexBuilder::new(&unclosed)).unwrap_err();
        assert!(!wrong.to_string().contains('\n'), "{wrong}");
    }
}
