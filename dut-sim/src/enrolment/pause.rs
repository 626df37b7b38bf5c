//! Pauses between tries: their lengths, and their words.

use std::time::Duration;

/// The shortest pause.
const SHORTEST: Duration = Duration::from_millis(1);

/// A pause that doubles with each try, up to a maximum. It is a millisecond at least: a lab's time would stand still for a device that tries
/// again without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowingPause {
    /// Pause before the second try.
    pub first: Duration,
    /// Maximum pause.
    pub longest: Duration,
}

impl GrowingPause {
    /// The pause after this number of tries.
    pub(crate) fn after(self, tries: u32) -> Duration {
        let factor = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.first.saturating_mul(factor).min(self.longest).max(SHORTEST)
    }
}

/// A duration as text: `0.5 s`, and in larger units if it is longer than a minute.
pub(super) fn seconds(duration: Duration) -> String {
    if duration > Duration::from_secs(60) {
        return scep::clock::apart(duration);
    }
    format!("{} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_doubles_up_to_the_longest() {
        let seconds = Duration::from_secs;
        let pause = GrowingPause { first: seconds(1), longest: seconds(60) };
        let pauses = [1, 2, 3, 7, 40, u32::MAX].map(|tries| pause.after(tries));
        assert_eq!(pauses, [1, 2, 4, 60, 60, 60].map(seconds));
        let none = GrowingPause { first: Duration::ZERO, longest: Duration::ZERO };
        assert_eq!(none.after(1), Duration::from_millis(1));
    }
}
