//! Secrets that are too short to be masked everywhere.

use scep::secret::Secret;

use crate::needle::SHORT;

/// What a warning says about a short secret.
pub const SHORT_NOTE: &str =
    "it is masked only as a whole word, also if that word means something else";

/// True if a secret is masked only where it stands as a word, because it has fewer than six characters.
pub fn is_short(secret: &Secret) -> bool {
    !secret.expose().is_empty() && secret.expose().chars().count() <= SHORT
}
