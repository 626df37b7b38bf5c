//! Rules of the CA in which time matters: when it renews, when it decides, and its revocation lists.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The time before the end of a certificate in which it may be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RenewalWindow {
    /// So long before its end.
    Before(Duration),
    /// The last part of its life, in per cent: 20 for the last fifth.
    Percent(u8),
}

impl RenewalWindow {
    /// The first moment at which a certificate with this validity may be renewed.
    pub(crate) fn begin(self, from: OffsetDateTime, until: OffsetDateTime) -> OffsetDateTime {
        let length = match self {
            Self::Before(length) => time::Duration::try_from(length),
            Self::Percent(percent) => {
                let life = (until - from).whole_seconds();
                Ok(time::Duration::seconds(life.saturating_mul(percent.min(100).into()) / 100))
            }
        };
        until.saturating_sub(length.unwrap_or(time::Duration::MAX))
    }
}

/// A decision that the CA takes by itself about a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterDecision {
    /// The time between the request and the decision.
    pub after: Duration,
    /// True if the request is denied, false if it is granted.
    pub denies: bool,
}

/// The revocation lists of the CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CrlSettings {
    /// The time from one list to the next, in whole seconds; 7 days by default.
    pub valid_for: Duration,
    /// False if no new list is made when one has expired; each revocation makes one all the same.
    pub renews: bool,
    /// The place of the list in issued certificates; by default that of the personality (`ndes`: in the directory).
    pub distribution_point: Option<DistributionPoint>,
}

impl Default for CrlSettings {
    fn default() -> Self {
        let valid_for = Duration::from_secs(7 * 86_400);
        Self { valid_for, renews: true, distribution_point: None }
    }
}

/// The place of a revocation list in issued certificates (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DistributionPoint {
    /// Certificates name no place.
    Nowhere,
    /// The CA itself, which serves the list at the [address](crate::Settings::address) of its settings.
    Here,
    /// This URL.
    Url(String),
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn window_is_a_time_or_a_part_of_the_life() {
        let (from, until) = (datetime!(2026-01-01 00:00 UTC), datetime!(2026-04-11 00:00 UTC));
        let begin = |window: RenewalWindow| window.begin(from, until);
        let day = Duration::from_secs(86_400);
        assert_eq!(begin(RenewalWindow::Before(10 * day)), datetime!(2026-04-01 00:00 UTC));
        assert_eq!(begin(RenewalWindow::Percent(20)), datetime!(2026-03-22 00:00 UTC));
        assert_eq!(begin(RenewalWindow::Percent(100)), from);
        assert_eq!(begin(RenewalWindow::Percent(0)), until);
        assert!(begin(RenewalWindow::Before(Duration::MAX)) < from);
    }
}
