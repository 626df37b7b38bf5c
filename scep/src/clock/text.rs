//! Durations and moments as people write them.

use std::time::{Duration, SystemTime};

use der::DateTime;

use super::{FIRST_MOMENT, last_moment, within_range};

/// The units of durations with their milliseconds, the largest first. A year has 365 days.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * DAY_MS),
    ("w", 7 * DAY_MS),
    ("d", DAY_MS),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const DAY_MS: u64 = 86_400_000;

/// The longest duration, in milliseconds: from the first moment of a clock to its last.
const LONGEST_MS: u64 = 253_402_300_799_000;

/// The error for a text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// The text is no number with a unit.
    #[error(
        "a duration is a whole number with its unit: `ms`, `s`, `m` (minutes), `h`, `d`, `w` or `y` (365 days), as in `330d`"
    )]
    Form,
    /// It is longer than any time between two moments of a clock.
    #[error("the duration is longer than the years 1970 to 9999")]
    TooLong,
}

/// Reads a duration: a whole number with its unit, `ms`, `s`, `m`, `h`, `d`, `w` or `y`.
///
/// # Errors
/// If the text has another form, or the duration is longer than the years 1970 to 9999.
///
/// ```
/// use std::time::Duration;
///
/// use scep::clock::{BadDuration, duration};
///
/// assert_eq!(duration("330d"), Ok(Duration::from_secs(330 * 86_400)));
/// assert_eq!(duration("1y"), duration("365d"));
/// assert_eq!(duration("soon"), Err(BadDuration::Form));
/// ```
pub fn duration(text: &str) -> Result<Duration, BadDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(BadDuration::Form)?;
    if number.is_empty() {
        return Err(BadDuration::Form);
    }
    let milliseconds = number.parse::<u64>().ok().and_then(|it| it.checked_mul(*unit));
    let milliseconds = milliseconds.filter(|it| *it <= LONGEST_MS).ok_or(BadDuration::TooLong)?;
    Ok(Duration::from_millis(milliseconds))
}

/// Reads an offset: a duration with `+` or `-` before it. The result is in milliseconds.
///
/// # Errors
/// If the text has no sign, or no duration after it.
///
/// ```
/// use scep::clock::parse_offset;
///
/// assert_eq!(parse_offset("-1d"), Ok(-86_400_000));
/// assert!(parse_offset("1d").is_err());
/// ```
pub fn parse_offset(text: &str) -> Result<i64, BadDuration> {
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(BadDuration::Form),
    };
    let milliseconds = i64::try_from(duration(rest)?.as_millis());
    milliseconds.map(|it| sign * it).map_err(|_| BadDuration::TooLong)
}

/// A duration as [`duration`] reads it, in the largest unit, but none above a day, that has a whole number of it.
///
/// ```
/// use std::time::Duration;
///
/// use scep::clock::duration_text;
///
/// assert_eq!(duration_text(Duration::from_secs(330 * 86_400)), "330d");
/// assert_eq!(duration_text(Duration::from_millis(1_500)), "1500ms");
/// ```
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = UNITS.iter().skip_while(|(_, unit)| *unit > DAY_MS);
    let whole = |(_, unit): &&(&str, u64)| milliseconds.is_multiple_of(u128::from(*unit));
    match units.clone().find(whole) {
        Some((name, unit)) if milliseconds > 0 => {
            format!("{}{name}", milliseconds / u128::from(*unit))
        }
        _ => "0s".to_owned(),
    }
}

/// The duration that a text in another form means: `30` is `30s`, `1.5s` is `1500ms`, and `1m30s` is `90s`.
///
/// ```
/// use scep::clock::meant_duration;
///
/// assert_eq!(meant_duration("2 weeks").as_deref(), Some("14d"));
/// assert_eq!(meant_duration("soon"), None);
/// ```
pub fn meant_duration(text: &str) -> Option<String> {
    let (mut rest, mut total) = (text.trim(), 0_u64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..end];
        rest = rest[end..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match rest[..end].to_ascii_lowercase().as_str() {
            "ms" | "msec" | "millis" | "milliseconds" => 1,
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hr" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => DAY_MS,
            "w" | "week" | "weeks" => 7 * DAY_MS,
            "y" | "yr" | "year" | "years" => 365 * DAY_MS,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let digits: u64 = [whole, fraction].concat().parse().ok()?;
        total = total.checked_add(digits.checked_mul(unit)? / scale)?;
        rest = rest[end..].trim_start();
    }
    (0 < total && total <= LONGEST_MS).then(|| duration_text(Duration::from_millis(total)))
}

/// The error for a text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMoment {
    /// The text has another form.
    #[error(
        "a moment is a date with its time, as in `2026-01-01T00:00Z` or `2026-01-01T00:00:00Z`"
    )]
    Form,
    /// The time zone is missing.
    #[error(
        "a moment needs its time zone; write `Z` for UTC at its end, as in `2026-01-01T00:00Z`"
    )]
    NoZone,
    /// The time is that of another zone.
    #[error(
        "a moment is in UTC, which `Z` at its end says: the time zone `{0}` is not read, and there is no summer time"
    )]
    OtherZone(String),
    /// The second is a leap second.
    #[error("the second `:60` is a leap second, which no certificate can name (RFC 5280 §4.1.2.5)")]
    LeapSecond,
    /// There is no such day or time.
    #[error("there is no such date or time")]
    NoSuchDate,
    /// It is before 1970.
    #[error("a clock begins in 1970: no certificate, log or message of SCEP is older")]
    TooEarly,
    /// It is after the year 9999.
    #[error(
        "a clock ends with the year 9999, the last that a certificate can name (RFC 5280 §4.1.2.5)"
    )]
    TooLate,
}

/// Reads a moment in UTC: `2026-01-01T00:00Z` or `2026-01-01T00:00:00Z`.
///
/// # Errors
/// If the text has another form or another time zone, or the moment does not exist, is a leap second, or is not in the years 1970 to
/// 9999.
pub fn moment(text: &str) -> Result<SystemTime, BadMoment> {
    let (date, time) = text.split_once(['T', ' ']).ok_or(BadMoment::Form)?;
    let date = numbers(date, '-').ok_or(BadMoment::Form)?;
    let &[(year, year_digits), (month, 2), (day, 2)] = date.as_slice() else {
        return Err(BadMoment::Form);
    };
    if year_digits < 4 {
        return Err(BadMoment::Form);
    }
    let end = time.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(time.len());
    let (time, zone) = time.split_at(end);
    let time = numbers(time, ':').ok_or(BadMoment::Form)?;
    let (hour, minute, second) = match *time {
        [(hour, 2), (minute, 2)] => (hour, minute, 0),
        [(hour, 2), (minute, 2), (second, 2)] => (hour, minute, second),
        _ => return Err(BadMoment::Form),
    };
    match zone {
        "Z" => {}
        "" => return Err(BadMoment::NoZone),
        _ if zone.starts_with('.') => return Err(BadMoment::Form),
        other => return Err(BadMoment::OtherZone(other.trim().to_owned())),
    }
    match (year, second) {
        (..1970, _) => Err(BadMoment::TooEarly),
        (10_000.., _) => Err(BadMoment::TooLate),
        (_, 60) => Err(BadMoment::LeapSecond),
        _ => date_time(year, [month, day, hour, minute, second]).ok_or(BadMoment::NoSuchDate),
    }
}

/// The moment in UTC that a text with the offset of another time zone means: `2026-03-29T02:30+02:00` is half an hour past midnight.
///
/// ```
/// use scep::clock::meant_moment;
///
/// assert_eq!(meant_moment("2026-03-29T02:30+02:00").as_deref(), Some("2026-03-29T00:30:00Z"));
/// assert_eq!(meant_moment("2026-03-29T02:30 CEST"), None);
/// ```
pub fn meant_moment(text: &str) -> Option<String> {
    let Err(BadMoment::OtherZone(zone)) = moment(text) else { return None };
    let local = moment(&format!("{}Z", text.strip_suffix(&zone)?.trim_end())).ok()?;
    let (sign, offset) = zone.split_at_checked(1)?;
    let offset = numbers(offset, ':')?;
    let &[(hours @ 0..=14, 2), (minutes @ 0..=59, 2)] = offset.as_slice() else { return None };
    let offset = Duration::from_secs(u64::from(hours * 60 + minutes) * 60);
    let moment = match sign {
        "+" => local.checked_sub(offset),
        "-" => local.checked_add(offset),
        _ => None,
    };
    moment.filter(|it| within_range(*it) == *it).map(moment_text)
}

fn date_time(year: u32, rest: [u32; 5]) -> Option<SystemTime> {
    let [month, day, hour, minute, second] = rest.map(|it| u8::try_from(it).ok());
    let year = u16::try_from(year).ok()?;
    let date = DateTime::new(year, month?, day?, hour?, minute?, second?).ok()?;
    Some(date.to_system_time())
}

/// The numbers between separators, each with its number of digits.
fn numbers(text: &str, separator: char) -> Option<Vec<(u32, usize)>> {
    let number = |part: &str| {
        let sound = part.bytes().all(|byte| byte.is_ascii_digit());
        sound.then(|| part.parse().ok()).flatten().map(|number| (number, part.len()))
    };
    text.split(separator).map(number).collect()
}

/// A moment as [`moment`] reads it, to the second: `2026-01-01T00:00:00Z`.
pub fn moment_text(moment: SystemTime) -> String {
    let since = within_range(moment).duration_since(FIRST_MOMENT).unwrap_or_default();
    let date = DateTime::from_unix_duration(Duration::from_secs(since.as_secs()));
    date.or_else(|_| DateTime::from_system_time(last_moment()))
        .map_or_else(|_| String::new(), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_whole_number_and_a_unit() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("0s", 0),
            ("1m", 60_000),
            ("1h", 3_600_000),
            ("330d", 330 * DAY_MS),
            ("2w", 14 * DAY_MS),
            ("1y", 365 * DAY_MS),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in ["", "5", "s", "1.5s", "-1s", "+1s", "1 s", "1D", "1mo", "١s"] {
            assert_eq!(duration(wrong), Err(BadDuration::Form), "{wrong}");
        }
        for long in ["8036y", "99999999999999999999s", "18446744073709551615y"] {
            assert_eq!(duration(long), Err(BadDuration::TooLong), "{long}");
        }
        assert_eq!(parse_offset("-5y"), Ok(-5 * 365 * 86_400_000));
        assert_eq!(parse_offset("+10m"), Ok(600_000));
        for wrong in ["", "+", "5y", "--5y", "+-5y", "é"] {
            assert_eq!(parse_offset(wrong), Err(BadDuration::Form), "{wrong}");
        }
    }

    #[test]
    fn duration_in_another_form_is_understood() {
        for (given, meant) in [
            ("30", "30s"),
            ("5 s", "5s"),
            ("5sec", "5s"),
            ("2S", "2s"),
            ("1.5s", "1500ms"),
            ("1.5h", "90m"),
            ("1m30s", "90s"),
            ("1 min", "1m"),
            ("330 days", "330d"),
            ("1 year 1 day", "366d"),
        ] {
            assert_eq!(meant_duration(given).as_deref(), Some(meant), "{given}");
        }
        for unknown in ["", "soon", "-1s", "PT5S", "0", "99999999y", "1..5s", "5 parsecs"] {
            assert_eq!(meant_duration(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn moments_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00Z", 0),
            ("2026-01-01T00:00:00Z", 1_767_225_600),
            ("2026-01-01 00:00Z", 1_767_225_600),
            ("2028-02-29T23:59:59Z", 1_835_481_599),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            let expected = FIRST_MOMENT + Duration::from_secs(seconds);
            assert_eq!(moment(text), Ok(expected), "{text}");
            assert_eq!(moment(&moment_text(expected)), Ok(expected), "{text}");
        }
        assert_eq!(moment_text(FIRST_MOMENT), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn moment_of_another_zone_is_understood_if_its_offset_is_given() {
        for (given, meant) in [
            ("2026-10-25T02:30+02:00", Some("2026-10-25T00:30:00Z")),
            ("2026-10-25T02:30:15 +01:00", Some("2026-10-25T01:30:15Z")),
            ("2025-12-31T20:00-05:30", Some("2026-01-01T01:30:00Z")),
            ("1970-01-01T00:00+01:00", None),
            ("2026-10-25T02:30+2", None),
            ("2026-10-25T02:30+99:00", None),
            ("2026-10-25T02:30 Europe/Madrid", None),
            ("2026-10-25T02:30Z", None),
        ] {
            assert_eq!(meant_moment(given).as_deref(), meant, "{given}");
        }
    }

    #[test]
    fn each_mistake_in_a_moment_is_named() {
        for (text, error) in [
            ("1949-12-31T23:59Z", BadMoment::TooEarly),
            ("1969-12-31T23:59Z", BadMoment::TooEarly),
            ("0000-00-00T00:00Z", BadMoment::TooEarly),
            ("10000-01-01T00:00Z", BadMoment::TooLate),
            ("2026-12-31T23:59:60Z", BadMoment::LeapSecond),
            ("2026-01-01T00:00", BadMoment::NoZone),
            ("2026-01-01T00:00+02:00", BadMoment::OtherZone("+02:00".to_owned())),
            ("2026-01-01T00:00 CEST", BadMoment::OtherZone("CEST".to_owned())),
            ("2026-02-29T00:00Z", BadMoment::NoSuchDate),
            ("2026-13-01T00:00Z", BadMoment::NoSuchDate),
            ("2026-01-01T24:00Z", BadMoment::NoSuchDate),
            ("2026-01-01T00:00:61Z", BadMoment::NoSuchDate),
            ("2026-01-01", BadMoment::Form),
            ("2026-1-1T00:00Z", BadMoment::Form),
            ("26-01-01T00:00Z", BadMoment::Form),
            ("2026-01-01T0:00Z", BadMoment::Form),
            ("2026-01-01T00:00:00.5Z", BadMoment::Form),
            ("+330d", BadMoment::Form),
            ("", BadMoment::Form),
        ] {
            assert_eq!(moment(text), Err(error), "{text}");
        }
    }
}
