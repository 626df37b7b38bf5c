//! What must be true of every text that a user reads.

/// Checks that a text says something, and that it cannot steer a terminal.
pub(crate) fn check(text: &str) {
    assert!(!text.trim().is_empty(), "an empty text");
    check_characters(text);
}

/// Checks that a text, which may be empty, cannot steer a terminal.
pub(crate) fn check_characters(text: &str) {
    let steers = |c: &char| c.is_control() && *c != '\n';
    assert!(!text.chars().any(|c| steers(&c)), "a control character in {text:?}");
}

/// Checks that an error says something, and that it cannot steer a terminal; `Ok` goes through.
pub(crate) fn checked<T, E: ToString>(result: Result<T, E>) -> Option<T> {
    result.map_err(|error| check(&error.to_string())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a control character")]
    fn a_text_that_steers_a_terminal_is_found() {
        check("two\nlines \u{1b}[2J");
    }

    #[test]
    #[should_panic(expected = "an empty text")]
    fn an_error_without_words_is_found() {
        checked::<(), _>(Err(" "));
    }
}
