//! The values that some faults take.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use super::{Fault, FaultError};

/// A status that ends a request; those below announce another.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// Nobody waits longer.
const LONGEST_DELAY: Duration = Duration::from_secs(600);

const TIMES: RangeInclusive<u32> = 1..=1000;

/// The fault of `known`'s name with the value given.
pub(super) fn read(known: Fault, given: &str) -> Result<Fault, FaultError> {
    let read = match known {
        Fault::HttpStatus(_) => number(given, STATUSES).map(Fault::HttpStatus),
        Fault::Delay(_) => duration(given).map(Fault::Delay),
        Fault::Pending(_) => number(given, TIMES).map(Fault::Pending),
        other => given.is_empty().then_some(other),
    };
    read.ok_or_else(|| FaultError::Value {
        fault: known.name(),
        expected: expected(known),
        given: given.to_owned(),
    })
}

fn expected(fault: Fault) -> &'static str {
    match fault {
        Fault::HttpStatus(_) => "a status from 200 to 599",
        Fault::Delay(_) => "a duration up to 10m, such as `500ms` or `2s`",
        Fault::Pending(_) => "a number from 1 to 1000",
        _ => "no value",
    }
}

fn number<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number))
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(count),
        "s" => Duration::from_secs(count),
        "m" => Duration::from_secs(count.checked_mul(60)?),
        _ => return None,
    };
    (duration <= LONGEST_DELAY).then_some(duration)
}

/// A duration as [`read`] takes it.
pub(super) fn duration_text(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        _ => format!("{}ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_both_ways() {
        for text in ["http-status 200", "http-status 599", "delay 1ms", "delay 2s", "pending 1"] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert_eq!("delay 2m".parse(), Ok(Fault::Delay(Duration::from_secs(120))));
        assert_eq!("delay 1000ms".parse::<Fault>().unwrap().to_string(), "delay 1s");
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for text in [
            "http-status",
            "http-status 100",
            "http-status 600",
            "http-status +503",
            "http-status 503 now",
            "delay 5",
            "delay 11m",
            "delay 99999999999999999999s",
            "delay ms",
            "pending 0",
            "pending -1",
            "pending",
            "empty-body 1",
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(matches!(error, FaultError::Value { .. }), "{text}: {error}");
        }
        let error = "http-status 42".parse::<Fault>().unwrap_err().to_string();
        assert_eq!(error, "`http-status` takes a status from 200 to 599, not `42`");
    }
}
