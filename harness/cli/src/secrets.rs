//! Secrets that a command was given: no output shows them, and a warning says which of them are too short for that.

use super::output;
use diagnostics::Diagnostic;
use model::lab::Secret;
use redact::{SHORT_NOTE, is_short};

/// What a challenge password on the command line is called in a warning.
pub(super) const PASSWORD: &str = "the challenge password";

/// Masks these secrets in all output from now on, and warns if one is too short to be masked everywhere.
pub(super) fn keep_secret(what: &str, secrets: &[Secret]) {
    output::hide(secrets);
    if secrets.iter().any(is_short) {
        output::warnings(&[short(Diagnostic::general, what)]);
    }
}

/// The warning about a short secret.
pub(super) fn short(at: impl FnOnce(String) -> Diagnostic, what: &str) -> Diagnostic {
    at(format!("{what} has fewer than six characters")).note(SHORT_NOTE)
}
