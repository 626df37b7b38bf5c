//! Masks secrets and escapes control characters in output, logs, reports and errors.
//!
//! The caller supplies the secrets. Nothing here depends on labs, files or diagnostics.
#![forbid(unsafe_code)]

mod configuration;
mod masker;

pub use scep::secret::{MASK, Secret};

pub use self::configuration::{clear_passwords, clear_passwords_of_configuration};
pub use self::masker::{Marked, Masker, PrivateKeys};

/// A line with its control characters escaped, as in `\u{1b}`; a tab becomes a blank.
pub fn visible(line: &str) -> String {
    let mut visible = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\t' => visible.push(' '),
            c if c.is_control() => visible.extend(c.escape_debug()),
            c => visible.push(c),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(visible("a\tb\r\x1b[2J\0 \u{9b}é'\""), "a b\\r\\u{1b}[2J\\0 \\u{9b}é'\"");
    }
}
