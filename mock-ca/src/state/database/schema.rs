//! The tables of the database, and the marks by which this program knows its own.

use rusqlite::Connection;

use super::QueryError;

/// The mark of this program's databases in the header of SQLite's file format: `SCPL`.
pub(super) const APPLICATION_ID: u32 = 0x5343_504c;

/// The version of the format; versions 1 and 2 were directories of files.
pub(super) const VERSION: u32 = 4;

/// Any change of this text needs a new version, because the tables of a database are compared with it.
const TABLES: &str = include_str!("schema.sql");

/// The tables of the version before.
const TABLES_3: &str = include_str!("schema3.sql");

/// A set of tables that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    Current,
    Version3,
}

/// Makes the tables in an empty database.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Refuses a database with other tables, indices or triggers.
pub(super) fn expect(connection: &Connection, tables: Tables) -> Result<(), QueryError> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(match tables {
        Tables::Current => TABLES,
        Tables::Version3 => TABLES_3,
    })?;
    let (expected, found) = (objects(&fresh)?, objects(connection)?);
    let lacks = expected.iter().find(|object| !found.contains(object));
    let other = lacks.or_else(|| found.iter().find(|object| !expected.contains(object)));
    match other {
        None => Ok(()),
        Some((kind, name, _)) => {
            let reason = format!("its {kind} `{name}` is not one that this program makes");
            Err(QueryError::Damaged(reason))
        }
    }
}

/// The kind, name and definition of everything in a database but what SQLite itself adds.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let mut query = connection.prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_this_version_stay_as_they_are() {
        let digest = openssl::sha::sha256(TABLES.as_bytes());
        let known = "aa1c09b95cae4c6ea32c03abb6735ed7af8c90b47f2d7eec503b937e6467f6a9";
        assert_eq!((VERSION, hex::encode(digest).as_str()), (4, known), "a new version is needed");
    }

    #[test]
    fn database_with_a_trigger_is_rejected() {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection).unwrap();
        expect(&connection, Tables::Current).unwrap();
        connection
            .execute_batch("CREATE TRIGGER t AFTER DELETE ON request BEGIN DELETE FROM ca; END")
            .unwrap();
        let error = expect(&connection, Tables::Current).unwrap_err();
        assert!(matches!(&error, QueryError::Damaged(why) if why.contains("trigger `t`")));
    }
}
