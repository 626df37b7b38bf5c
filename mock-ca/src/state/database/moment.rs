//! Times in the database: text such as `2026-11-30T03:57:31Z`, whose order is that of the times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem,
    macros::format_description,
};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// A time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(OffsetDateTime);

impl From<OffsetDateTime> for Moment {
    fn from(time: OffsetDateTime) -> Self {
        Self(time.replace_nanosecond(0).unwrap_or(time))
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        OffsetDateTime::from(time).into()
    }
}

impl From<Moment> for OffsetDateTime {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        let seconds = u64::try_from(moment.0.unix_timestamp()).unwrap_or_default();
        UNIX_EPOCH + Duration::from_secs(seconds)
    }
}

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = self.0.format(FORMAT);
        let text = text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(text.into())
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let time = PrimitiveDateTime::parse(value.as_str()?, FORMAT);
        time.map(|time| Self(time.assume_utc())).map_err(FromSqlError::other)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn time_is_readable_and_read_back() {
        let moment = Moment::from(UNIX_EPOCH + Duration::from_secs(1_796_000_000));
        let connection = Connection::open_in_memory().unwrap();
        let text: String = connection.query_row("SELECT ?", [moment], |row| row.get(0)).unwrap();
        assert_eq!(text, "2026-11-30T00:53:20Z");
        let read: Moment = connection.query_row("SELECT ?", [&text], |row| row.get(0)).unwrap();
        assert_eq!(read, moment);
        let read = connection.query_row("SELECT 'soon'", [], |row| row.get::<_, Moment>(0));
        assert!(read.is_err());
    }
}
