//! Pauses between tries that grow as the tries go on.

use std::time::Duration;

/// A pause that doubles from the first to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowingPause {
    /// Before the second try.
    pub first: Duration,
    /// It never grows beyond this.
    pub longest: Duration,
}

impl GrowingPause {
    /// The pause after so many tries.
    pub(crate) fn after(self, tries: u32) -> Duration {
        let factor = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let seconds = Duration::from_secs;
        let pause = GrowingPause { first: seconds(1), longest: seconds(60) };
        let pauses = [1, 2, 3, 7, 40, u32::MAX].map(|tries| pause.after(tries));
        assert_eq!(pauses, [1, 2, 4, 60, 60, 60].map(seconds));
    }
}
