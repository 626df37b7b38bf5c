//! The period in which a certificate is valid.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scep::clock::within_range;

use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    x509::X509Ref,
};
use time::{Date, OffsetDateTime};

/// The length of a day, in seconds.
const DAY_S: u64 = 86_400;

/// A rule for the validity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// So long from the time of issue, as at scepserver.
    For(Duration),
    /// From ten minutes before the time of issue until this many calendar years after it, as at a Windows CA with a limit of its
    /// own (registry `ValidityPeriodUnits`).
    CalendarYears(i32),
    /// So long from ten minutes before the time of issue, as at a Windows CA with a template.
    TemplateFor(Duration),
    /// This period, whatever the time of issue.
    Between(ValidityPeriod),
}

/// The first and the last second of validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidityPeriod {
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

impl From<ValidityPeriod> for x509_cert::time::Validity {
    fn from(period: ValidityPeriod) -> Self {
        Self::new(certificate_time(period.not_before), certificate_time(period.not_after))
    }
}

/// A time in a certificate: `UTCTime` until 2049, then `GeneralizedTime` (RFC 5280 §4.1.2.5).
pub(super) fn certificate_time(time: OffsetDateTime) -> x509_cert::time::Time {
    let time = within_range(SystemTime::from(time));
    time.try_into().expect("the times of clocks are of the years 1970 to 9999")
}

/// The time by which a Windows CA dates its certificates back, because clocks may be slow.
const CLOCK_SKEW: Duration = Duration::from_secs(600);

impl Validity {
    /// The period of a certificate issued at `now` by `issuer`; at a Windows CA it ends no later than the issuer's.
    pub(crate) fn period(
        self,
        now: OffsetDateTime,
        issuer: Option<&X509Ref>,
    ) -> Result<ValidityPeriod, ErrorStack> {
        let mut period = self.uncapped(now);
        if let (Self::CalendarYears(_) | Self::TemplateFor(_), Some(issuer)) = (self, issuer) {
            period.not_after = period.not_after.min(unix_time(issuer.not_after())?);
        }
        Ok(period)
    }

    /// This many days of 24 hours from the time of issue.
    pub(crate) const fn days(days: u64) -> Self {
        Self::For(Duration::from_secs(days * DAY_S))
    }

    /// This many days of 24 hours from ten minutes before the time of issue.
    pub(crate) const fn template_days(days: u64) -> Self {
        Self::TemplateFor(Duration::from_secs(days * DAY_S))
    }

    /// The same rule with another length.
    pub(crate) fn lasting(self, length: Duration) -> Self {
        match self {
            Self::For(_) => Self::For(length),
            Self::CalendarYears(_) | Self::TemplateFor(_) => Self::TemplateFor(length),
            Self::Between(ValidityPeriod { not_before, .. }) => {
                Self::Between(ValidityPeriod { not_before, not_after: end(not_before, length) })
            }
        }
    }

    /// The period of this length that begins at this very moment.
    pub(crate) fn beginning(self, from: OffsetDateTime) -> Self {
        let not_after = match self {
            Self::For(length) | Self::TemplateFor(length) => end(from, length),
            Self::CalendarYears(years) => years_later(from, years),
            Self::Between(ValidityPeriod { not_before, not_after }) => {
                from.saturating_add(not_after - not_before)
            }
        };
        Self::Between(ValidityPeriod { not_before: from, not_after })
    }

    /// The period by the rule alone.
    fn uncapped(self, now: OffsetDateTime) -> ValidityPeriod {
        match self {
            Self::For(length) => ValidityPeriod { not_before: now, not_after: end(now, length) },
            Self::CalendarYears(years) => {
                ValidityPeriod { not_before: now - CLOCK_SKEW, not_after: years_later(now, years) }
            }
            Self::TemplateFor(length) => {
                let not_before = now - CLOCK_SKEW;
                ValidityPeriod { not_before, not_after: end(not_before, length) }
            }
            Self::Between(period) => period,
        }
    }
}

/// A time from a certificate of OpenSSL.
pub(crate) fn unix_time(time: &Asn1TimeRef) -> Result<OffsetDateTime, ErrorStack> {
    let since_epoch = Asn1Time::from_unix(0)?.diff(time)?;
    let seconds = i64::from(since_epoch.days) * 86_400 + i64::from(since_epoch.secs);
    Ok(OffsetDateTime::from(UNIX_EPOCH) + time::Duration::seconds(seconds))
}

/// The last second of a period that begins at `from`, at the latest in the year 9999.
fn end(from: OffsetDateTime, length: Duration) -> OffsetDateTime {
    let length = time::Duration::try_from(length).unwrap_or(time::Duration::MAX);
    from.saturating_add(length)
}

/// The same day and time of another year, at the latest in the year 9999; the 29th of February becomes the 28th if that year has none.
fn years_later(from: OffsetDateTime, years: i32) -> OffsetDateTime {
    let (year, month, day) = (from.year() + years, from.month(), from.day());
    let date = Date::from_calendar_date(year, month, day)
        .or_else(|_| Date::from_calendar_date(year, month, day - 1));
    date.map_or(from.replace_date(Date::MAX), |date| from.replace_date(date))
}

/// A system time as a calendar time, in UTC and whole seconds.
pub(crate) fn calendar(now: SystemTime) -> OffsetDateTime {
    let time = OffsetDateTime::from(now);
    time.replace_nanosecond(0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use der::Encode;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn periods_are_as_documented() {
        let linux = Validity::days(365).uncapped(datetime!(2026-04-16 15:44:24 UTC));
        assert_eq!(linux.not_before, datetime!(2026-04-16 15:44:24 UTC));
        assert_eq!(linux.not_after, datetime!(2027-04-16 15:44:24 UTC));

        let linux_ca = Validity::days(7300).uncapped(datetime!(2025-04-16 09:19:39 UTC));
        assert_eq!(linux_ca.not_after, datetime!(2045-04-11 09:19:39 UTC));

        let user = Validity::CalendarYears(2).uncapped(datetime!(2026-04-16 15:24:04 UTC));
        assert_eq!(user.not_before, datetime!(2026-04-16 15:14:04 UTC));
        assert_eq!(user.not_after, datetime!(2028-04-16 15:24:04 UTC));

        let ca = Validity::CalendarYears(30).uncapped(datetime!(2026-01-09 09:44:41 UTC));
        assert_eq!(ca.not_before, datetime!(2026-01-09 09:34:41 UTC));
        assert_eq!(ca.not_after, datetime!(2056-01-09 09:44:41 UTC));

        let ra = Validity::template_days(730).uncapped(datetime!(2026-01-09 09:47:26 UTC));
        assert_eq!(ra.not_before, datetime!(2026-01-09 09:37:26 UTC));
        assert_eq!(ra.not_after, datetime!(2028-01-09 09:37:26 UTC));
    }

    #[test]
    fn times_have_another_type_from_2050() {
        let december = datetime!(2049-12-31 23:59:59 UTC);
        let encoded = |time| certificate_time(time).to_der().unwrap();
        assert_eq!(encoded(december), b"\x17\x0d491231235959Z");
        assert_eq!(encoded(december + time::Duration::SECOND), b"\x18\x0f20500101000000Z");
    }

    #[test]
    fn leap_day_becomes_the_28th_two_years_later() {
        let leap_day = datetime!(2028-02-29 12:00:00 UTC);
        assert_eq!(years_later(leap_day, 2), datetime!(2030-02-28 12:00:00 UTC));
    }

    #[test]
    fn openssl_times_are_converted() {
        for seconds in [0, 1_776_354_244, 2_713_000_000] {
            let time = unix_time(&Asn1Time::from_unix(seconds).unwrap()).unwrap();
            assert_eq!(time.unix_timestamp(), seconds);
        }
    }
}
