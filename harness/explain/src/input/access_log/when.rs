//! The times in logs.

use std::time::SystemTime;

use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

/// The time of Apache and nginx: `29/Nov/2026:12:46:31 +0000`.
const COMMON: &[BorrowedFormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);

/// The date and the time of IIS, in UTC.
const EXTENDED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// The time in a line: between brackets as Apache and nginx write it, or as RFC 3339 writes it.
pub(super) fn of_line(line: &str) -> Option<SystemTime> {
    let bracketed = line.match_indices('[').find_map(|(at, _)| {
        let (text, _) = line[at + 1..].split_once(']')?;
        OffsetDateTime::parse(text, COMMON).ok()
    });
    let words = || line.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '[' | ']'));
    let standard = || words().find_map(|word| OffsetDateTime::parse(word, &Rfc3339).ok());
    bracketed.or_else(standard).map(SystemTime::from)
}

/// The time of the fields `date` and `time` of IIS.
pub(super) fn of_fields(date: &str, time: &str) -> Option<SystemTime> {
    let parsed = PrimitiveDateTime::parse(&format!("{date} {time}"), EXTENDED).ok()?;
    Some(SystemTime::from(parsed.assume_utc()))
}
