//! Times, and how far they are apart, in words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openssl::asn1::Asn1Time;

use crate::Error;

/// The time as OpenSSL writes it: `Nov 29 10:34:22 2026 GMT`.
pub fn written(time: SystemTime) -> String {
    asn1_time(time).map_or_else(|_| "a time out of range".to_owned(), |time| time.to_string())
}

pub(crate) fn asn1_time(time: SystemTime) -> Result<Asn1Time, Error> {
    const OUT_OF_RANGE: Error = Error::Misuse("the time is out of range");
    let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| OUT_OF_RANGE)?;
    let seconds = since_epoch.as_secs().try_into().map_err(|_| OUT_OF_RANGE)?;
    Ok(Asn1Time::from_unix(seconds)?)
}

/// The time between two times, in its two largest units: `1 h`, `2 days 3 h`, `45 s`.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(scep::clock::apart(Duration::from_secs(3_600)), "1 h");
/// assert_eq!(scep::clock::apart(Duration::from_secs(90_061)), "1 day 1 h");
/// assert_eq!(scep::clock::apart(Duration::ZERO), "0 s");
/// ```
pub fn apart(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let days = seconds / 86_400;
    let units = [
        (days, if days == 1 { "day" } else { "days" }),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let largest = units.iter().skip_while(|(count, _)| *count == 0).take(2);
    let words: Vec<_> = largest
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}
