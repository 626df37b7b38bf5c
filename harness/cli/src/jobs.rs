//! How many things run at once.

use std::num::NonZeroUsize;

/// Reads such a number; zero and what is no number get one answer: what is wanted.
pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it takes a whole number, 1 or more".to_owned())
}
