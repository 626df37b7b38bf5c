//! Keeps secrets and control characters out of what is shown: output, logs, reports, errors.
//!
//! Who calls knows the secrets; nothing here knows labs, files or diagnostics.
#![forbid(unsafe_code)]

mod configuration;
mod masker;

pub use scep::secret::{MASK, Secret};

pub use self::configuration::{clear_passwords, clear_passwords_of_configuration};
pub use self::masker::{Marked, Masker, PrivateKeys};

/// The text of a line with its control characters written out, as in `\u{1b}`; a tab is a blank.
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
    fn control_characters_are_written_out() {
        assert_eq!(visible("a\tb\r\x1b[2J\0 \u{9b}é'\""), "a b\\r\\u{1b}[2J\\0 \\u{9b}é'\"");
    }
}
