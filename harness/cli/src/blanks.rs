//! A warning of passwords that begin or end with a blank, which is seldom meant and never seen.

use diagnostics::Diagnostic;
use scep::secret::Secret;

use super::output::warnings;

/// Warns of such passwords; `place` says where they come from, and no password is shown.
pub(super) fn warn_of_blanks<'a>(place: &str, passwords: impl IntoIterator<Item = &'a Secret>) {
    let found = passwords.into_iter().enumerate().filter_map(|(index, password)| {
        let ends = end_with_blank(password.expose())?;
        let message = format!("password {} {place} {ends} with a blank", index + 1);
        Some(
            Diagnostic::general(message)
                .note("blanks belong to a password: remove it if the other side has none"),
        )
    });
    warnings(&found.collect::<Vec<_>>());
}

/// The end of a password that is a blank.
fn end_with_blank(password: &str) -> Option<&'static str> {
    let (begins, ends) =
        (password.starts_with(char::is_whitespace), password.ends_with(char::is_whitespace));
    match (begins, ends) {
        (true, true) => Some("begins and ends"),
        (true, false) => Some("begins"),
        (false, true) => Some("ends"),
        (false, false) => None,
    }
}
